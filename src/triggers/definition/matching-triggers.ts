import type { Database } from '../../db/open.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Trigger } from './trigger.ts'

/** What decides whether a trigger reacts to a move. */
interface Candidate {
  readonly id: number
  readonly host: string
  readonly isHeld: 0 | 1
  readonly streams: string
  readonly tags: string
  readonly source: Trigger['source']
}

/** The search for the triggers of a move. */
export type MatchingTriggers = ReturnType<typeof createMatchingTriggers>

const ONES = `select id, host, is_held as isHeld, streams, tags, source from triggers indexed by triggers_by_source
  where namespace = ? and since < ? and scope =`

/** Creates the search for the triggers of a move: three lookups in one index, however many triggers others have. */
export function createMatchingTriggers(db: Database) {
  const candidates = db.prepare<Candidate>(
    `${ONES} 'TAG' and streams = ? and tags = ?
     union all ${ONES} 'STREAM' and streams = ?
     union all ${ONES} 'NAMESPACE'`,
  )
  /** Returns the triggers that react to a move of the tag, the entry of the change log with this number. */
  return ({ namespace, name }: StreamName, tag: string, sequence: number): Candidate[] =>
    candidates
      .all(namespace, sequence, name, tag, namespace, sequence, name, namespace, sequence)
      .filter(({ streams, tags }) => matchesGlob(streams, name) && matchesGlob(tags, tag))
}
