import type { TagGuard } from '../../access/protection/tag-guard.ts'
import type { QuotaGuard } from '../../access/quota/quota-guard.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import type { createConditionRows } from '../tag/condition-rows.ts'
import type { ImportTransition, TagAddress, TagChange } from '../tag/tag-change.ts'
import type { createStreamVersions, createTagRows, TagState } from '../tag/tag-rows.ts'
import type { EventRows } from './event-rows.ts'
import type { TagMove } from './policy-rules.ts'
import type { createSharing } from './stream-content.ts'

/** The event of a change of a tag. */
export interface RecordedEvent {
  readonly tagEventId: number
  /** Whether the tag points to another image now: only that is a push. */
  readonly pushed: boolean
}

/** A recorded change of one tag. */
export interface Recording extends RecordedEvent {
  /** Null where the tag has the same image from the same place. */
  readonly moved: TagMove | null
  /** Whether the tag had a condition, which the change has cleared. */
  readonly isRecovered: boolean
}

/** The rows that a change of a tag writes. */
export interface RecordedRows {
  readonly tags: ReturnType<typeof createTagRows>
  readonly conditions: ReturnType<typeof createConditionRows>
  readonly events: EventRows
  readonly versions: ReturnType<typeof createStreamVersions>
}

/** What a change of a tag writes and starts outside the tag's rows. */
export interface RecordedElsewhere {
  readonly changeLog: ChangeLog
  /** Runs in the transaction in which a tag begins or ceases to fail. */
  readonly onTransition: (tx: Transaction, transition: ImportTransition) => void
  readonly share: ReturnType<typeof createSharing>
  readonly guard: TagGuard
  readonly quota: QuotaGuard
}

/** Records the change of a single tag. */
export type RecordOne = ReturnType<typeof createRecordOne>

/** Creates the function that records the change of a single tag, unless it is protected from the viewer: its row, its event, its content and its push. */
export function createRecordOne(
  { tags, conditions, events, versions }: RecordedRows,
  { changeLog, onTransition, share, guard, quota }: RecordedElsewhere,
) {
  /** Adds an event, or rewrites the newest one where only the image or only the reference differs. Returns its id. */
  const write = (
    { streamId, tag }: TagAddress,
    change: TagChange,
    { old, isSameSource }: { readonly old: TagState | undefined; readonly isSameSource: boolean },
  ): number => {
    if (!old) {
      // the image is inserted with the tag, so that the indexes of tags are written once
      const tagId = tags.insert(streamId, tag, change)
      const eventId = events.insert(tagId, change)
      tags.setEvent(tagId, eventId)
      return eventId
    }
    if (old.eventId === null || !isSameSource) {
      const eventId = events.insert(old.id, change)
      tags.setNewest(old.id, eventId, change)
      return eventId
    }
    events.rewrite(old.eventId, change)
    tags.setImage(old.id, change)
    return old.eventId
  }

  return (tx: Transaction, viewer: Viewer, address: TagAddress, received: TagChange): Recording => {
    const { streamId, streamName: imageStreamName, tag } = address
    const old = tags.find(streamId, tag)
    const sameImage = old?.imageId === received.imageId
    const { namespace } = address
    if (old?.imageId != null && !sameImage)
      guard.require(viewer, { namespace, name: imageStreamName }, () => [tag])
    if (old?.imageId == null) quota.take(tx, namespace, 'tags')
    const change = share(tx, address, received)
    const sameReference = old?.dockerImageReference === change.dockerImageReference
    // an import of an older spec that finishes late never lowers the generation
    const sameGeneration = old !== undefined && old.generation !== null && change.generation <= old.generation
    const isSame = sameImage && sameReference && sameGeneration

    const tagEventId =
      isSame && old?.eventId != null
        ? old.eventId
        : write(address, change, { old, isSameSource: sameImage || sameReference })
    if (old?.failing) {
      conditions.clear(old.id)
      onTransition(tx, { streamId, tag, importId: change.importId ?? null, failure: null })
    }
    if (!isSame || old?.failing) versions.raise(tx, streamId)
    else if (old.upstreamDigest !== change.upstreamDigest) tags.setImage(old.id, change)

    const from = old?.imageId ?? null
    if (!sameImage) {
      const { at: pushedAt, source, imageId, dockerImageReference } = change
      const push = { pushedAt, source, namespace, imageStreamName, streamId, tag, dockerImageReference }
      changeLog.appendPush(tx, { ...push, imageId, previousImageId: from })
    }
    const moved = sameImage && sameReference ? null : { tag, from }
    return { tagEventId, pushed: !sameImage, moved, isRecovered: Boolean(old?.failing) }
  }
}
