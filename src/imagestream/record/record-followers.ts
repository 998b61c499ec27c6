import { NamespaceRuleError } from '../../access/right/errors.ts'
import type { Rights } from '../../access/right/rights.ts'
import { SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { copiedChange, type TagAddress, type TagChange } from '../tag/tag-change.ts'
import type { createRecordFailure } from './record-failure.ts'
import type { Recording, RecordOne } from './record-one.ts'

/** Returns the present rights of a principal, by its id: of one that no longer exists, none. */
export type RightsOf = (principal: string) => Rights

/** Why a tag does not get the image of its source. */
const NO_PULL_RIGHT =
  'the principal who wrote the source of this tag may no longer pull from it: grant the role PULLER there, or write the source again'

/** Reports whether a spec tag may get images of the stream, by the rights of the principal who wrote it. */
export const mayCopy = (rightsOf: RightsOf, writtenBy: string | null, source: StreamName): boolean =>
  writtenBy === null || rightsOf(writtenBy).may('pull', source)

interface Follower extends TagAddress {
  readonly generation: number
  readonly writtenBy: string | null
}

/** Creates the function that records the change of a tag, and of the spec tags that follow it, directly or through others. */
export function createRecordWithFollowers(
  db: Database,
  recordOne: RecordOne,
  {
    rightsOf,
    recordFailure,
  }: { readonly rightsOf: RightsOf; readonly recordFailure: ReturnType<typeof createRecordFailure> },
) {
  const followersOf = db.prepare<Follower>(`
    select s.id as streamId, s.namespace, s.name as streamName, p.name as tag, p.generation, p.written_by as writtenBy
    from spec_tags p join image_streams s on s.id = p.stream_id
    where p.follows_namespace = ? and p.follows_stream = ? and p.follows_tag = ? order by s.id, p.name`)

  /** Records the change of a tag that no caller requested by name; why it cannot move becomes the tag's condition. */
  const recordCopy = (tx: Transaction, address: TagAddress, change: TagChange): Recording | undefined => {
    try {
      return recordOne(tx, SYSTEM, address, change)
    } catch (error) {
      if (!(error instanceof NamespaceRuleError)) throw error
      const { generation, at } = change
      const { reason, message } = error
      recordFailure(tx, address, { reason, message, generation, at })
      return undefined
    }
  }

  // Breadth first. A tag follows at most one other and never itself, so each follower is reached once.
  const recordFollowers = (tx: Transaction, first: TagAddress, change: TagChange): void => {
    const moved = [first]
    for (const { namespace, streamName, tag } of moved) {
      const source = { namespace, name: streamName }
      for (const { generation, writtenBy, ...follower } of followersOf.all(namespace, streamName, tag)) {
        const isOwn = follower.namespace === namespace && follower.streamName === streamName
        if (isOwn || mayCopy(rightsOf, writtenBy, source)) {
          const copy = copiedChange(change, { generation, copiedFrom: source, at: change.at })
          if (recordCopy(tx, follower, copy)?.moved) moved.push(follower)
        } else {
          const failure = {
            reason: 'NoPullRight',
            message: NO_PULL_RIGHT,
            generation,
            at: change.at,
          } as const
          recordFailure(tx, follower, failure)
        }
      }
    }
  }

  return {
    /** Throws NamespaceRuleError where a protection or a quota does not allow it; then nothing is written. */
    record(tx: Transaction, viewer: Viewer, address: TagAddress, change: TagChange): Recording {
      const recording = recordOne(tx, viewer, address, change)
      if (recording.moved) recordFollowers(tx, address, change)
      return recording
    },
    /** Records the same as the server's own work: a tag that may not move keeps its image, and gets a condition. */
    recordCopy(tx: Transaction, address: TagAddress, change: TagChange): Recording | undefined {
      const recording = recordCopy(tx, address, change)
      if (recording?.moved) recordFollowers(tx, address, change)
      return recording
    },
  }
}
