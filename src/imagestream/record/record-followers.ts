import { NamespaceRuleError } from '../../access/right/errors.ts'
import type { Rights } from '../../access/right/rights.ts'
import { SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { copiedChange, type TagAddress, type TagChange } from '../tag/tag-change.ts'
import type { createRecordFailure } from './record-failure.ts'
import type { Recording, RecordOne } from './record-one.ts'
import type { WaitingFollowers } from './waiting-followers.ts'

/** Returns the present rights of a principal, by its id: of one that no longer exists, none. */
export type RightsOf = (principal: string) => Rights

/** Why a tag does not get the image of its source. */
const NO_PULL_RIGHT =
  'the principal who wrote the source of this tag may no longer pull from it: grant the role PULLER there, or write the source again'

/** Reports whether a spec tag may get images of the stream, by the rights of the principal who wrote it. */
export const mayCopy = (rightsOf: RightsOf, writtenBy: string | null, source: StreamName): boolean =>
  writtenBy === null || rightsOf(writtenBy).may('pull', source)

/** Tags that one transaction moves because they follow others: some hundredths of a second's work. */
export const MOVED_TOGETHER = 100

/** An image that followers get. */
interface CopiedImage extends Pick<TagChange, 'imageId' | 'dockerImageReference' | 'at'> {
  /** The event of the source, for followers that waited: another image that one got after it stays. */
  readonly eventId?: number | null
}

interface Follower extends TagAddress {
  readonly row: number
  readonly generation: number
  readonly writtenBy: string | null
  readonly eventId: number | null
  readonly ownImageId: number | null
}

/** Creates the function that records the change of a tag, and of the spec tags that follow it, directly or through others. */
export function createRecordWithFollowers(
  db: Database,
  recordOne: RecordOne,
  {
    rightsOf,
    recordFailure,
    onWaiting,
  }: {
    readonly rightsOf: RightsOf
    readonly recordFailure: ReturnType<typeof createRecordFailure>
    /** Receives the followers that the transaction does not move. */
    readonly onWaiting: (tx: Transaction, waiting: WaitingFollowers) => void
  },
) {
  const followersOf = db.prepare<Follower>(`
    select p.rowid as row, s.id as streamId, s.namespace, s.name as streamName, p.name as tag, p.generation,
      p.written_by as writtenBy, own.newest_event_id as eventId, own.newest_image_id as ownImageId
    from spec_tags p join image_streams s on s.id = p.stream_id
      left join tags own on own.stream_id = p.stream_id and own.name = p.name
    where p.follows_namespace = ? and p.follows_stream = ? and p.follows_tag = ? and p.rowid > ? order by p.rowid limit ?`)
  const movedIn = new WeakMap<Transaction, number>()

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

  const moveFollower = (
    tx: Transaction,
    { row, generation, writtenBy, eventId, ownImageId, ...follower }: Follower,
    { source, change }: { readonly source: StreamName; readonly change: CopiedImage },
  ): boolean => {
    const { at, imageId, eventId: since } = change
    if (since != null && eventId !== null && eventId > since && ownImageId !== imageId) return false
    const isOwn = follower.namespace === source.namespace && follower.streamName === source.name
    if (isOwn || mayCopy(rightsOf, writtenBy, source)) {
      const copy = copiedChange(change, { generation, copiedFrom: source, at })
      return Boolean(recordCopy(tx, follower, copy)?.moved)
    }
    recordFailure(tx, follower, { reason: 'NoPullRight', message: NO_PULL_RIGHT, generation, at })
    return false
  }

  // Breadth first. A tag follows at most one other and never itself, so each follower is reached once.
  const recordFollowers = (tx: Transaction, first: WaitingFollowers, change: CopiedImage): void => {
    const moved = [first]
    for (const { source, after } of moved) {
      const { namespace, streamName, tag } = source
      const room = Math.max(0, MOVED_TOGETHER - (movedIn.get(tx) ?? 0))
      const found = followersOf.all(namespace, streamName, tag, after, room + 1)
      const now = found.slice(0, room)
      for (const follower of now) {
        const isMoved = moveFollower(tx, follower, { source: { namespace, name: streamName }, change })
        if (isMoved) moved.push({ source: follower, after: 0 })
      }
      movedIn.set(tx, (movedIn.get(tx) ?? 0) + now.length)
      if (found.length > room) onWaiting(tx, { source, after: now.at(-1)?.row ?? after })
    }
  }

  return {
    /** Throws NamespaceRuleError where a protection or a quota does not allow it; then nothing is written. */
    record(tx: Transaction, viewer: Viewer, address: TagAddress, change: TagChange): Recording {
      const recording = recordOne(tx, viewer, address, change)
      if (recording.moved) recordFollowers(tx, { source: address, after: 0 }, change)
      return recording
    },
    /** Records the same as the server's own work: a tag that may not move keeps its image, and gets a condition. */
    recordCopy(tx: Transaction, address: TagAddress, change: TagChange): Recording | undefined {
      const recording = recordCopy(tx, address, change)
      if (recording?.moved) recordFollowers(tx, { source: address, after: 0 }, change)
      return recording
    },
    recordFollowers,
  }
}
