import type { Database } from '../../db/open.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { DeliveryLane } from '../state/lane.ts'
import type { Trigger } from './trigger.ts'

/** What decides whether a trigger reacts to a move. */
interface Candidate {
  readonly id: number
  readonly lane: DeliveryLane
  readonly isHeld: 0 | 1
  readonly streams: string
  readonly tags: string
  readonly source: Trigger['source']
}

/** The search for the triggers of a move. */
export type MatchingTriggers = ReturnType<typeof createMatchingTriggers>

/** A pattern of names of streams: the index alone has its columns. */
type Pattern = Pick<Candidate, 'id' | 'streams' | 'tags'>

const COLUMNS = "id, namespace || ' ' || host as lane, is_held as isHeld, streams, tags, source"
const OF_NAMESPACE = 'from triggers indexed by triggers_by_source where namespace = ? and scope ='

/**
 * Creates the search for the triggers of a move: lookups in one index, however many triggers there are. A pattern of streams is found
 * by what is before its first `*`, with which the name begins: one lookup for each of the name's beginnings.
 */
export function createMatchingTriggers(db: Database) {
  const ofStream = db.prepare<Candidate>(
    `select ${COLUMNS} ${OF_NAMESPACE} 'TAG' and streams = ? and tags = ? and since < ?
     union all select ${COLUMNS} ${OF_NAMESPACE} 'STREAM' and streams = ? and since < ?`,
  )
  const patterns = db.prepare<Pattern>(
    `select t.id, t.streams, t.tags from json_each(?) beginning cross join triggers t indexed by triggers_by_source
     where t.namespace = ? and t.scope = 'NAMESPACE'
     and t.streams >= beginning.value || '*' and t.streams < beginning.value || '*' || char(127)`,
  )
  const withId = db.prepare<Candidate>(`select ${COLUMNS} from triggers where id = ? and since < ?`)
  /** Returns the triggers that react to a move of the tag, the entry of the change log with this number. */
  return ({ namespace, name }: StreamName, tag: string, sequence: number): Candidate[] => {
    const isMatching = ({ streams, tags }: Pattern): boolean =>
      matchesGlob(streams, name) && matchesGlob(tags, tag)
    return [
      ...ofStream.all(namespace, name, tag, sequence, namespace, name, sequence).filter(isMatching),
      ...patterns
        .all(JSON.stringify(beginningsOf(name)), namespace)
        .filter(isMatching)
        .flatMap(({ id }) => withId.all(id, sequence)),
    ]
  }
}

const beginningsOf = (name: string): readonly string[] =>
  Array.from({ length: name.length + 1 }, (_, end) => name.slice(0, end))
