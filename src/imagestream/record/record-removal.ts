import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RemovalReason } from '../tag/tag-event.ts'
import type { TagState } from '../tag/tag-rows.ts'
import type { ChangeRecorder } from './change-record.ts'
import type { Removal } from './event-rows.ts'
import { createProtectedTags, type StreamOfTags } from './protected-tags.ts'
import type { RecordedRows } from './record-one.ts'
import { createRemoveSpecTags } from './remove-spec-tags.ts'

/** A tag to remove. */
export interface RemovedTag {
  readonly stream: StreamOfTags
  readonly tag: TagName
  readonly reason: RemovalReason
}

interface RemovalDependencies {
  readonly recordChange: ChangeRecorder
  readonly now: () => number
}

/** Creates the removal of tags, whose histories stay. `now` returns milliseconds since 1970. */
export function createRecordRemoval(
  db: Database,
  { tags, events, versions }: RecordedRows,
  { recordChange, now }: RemovalDependencies,
) {
  const { removeSpecTags, forgetSources } = createRemoveSpecTags(db)
  const { requireMovable } = createProtectedTags(db)

  const removeFromStatus = (
    tx: Transaction,
    { stream, states, ...removal }: Removal & { stream: StreamOfTags; states: readonly TagState[] },
  ): void => {
    const streamId = stream.id
    const eventIds = states.flatMap(({ eventId }) => eventId ?? [])
    events.remove(eventIds, removal)
    const ids = states.map(({ id }) => id)
    tags.remove(ids, removal.at)
    const names = states.map(({ name }) => name)
    forgetSources(tx, streamId, names)
    for (const tag of names) {
      recordChange(tx, { kind: 'TAG_REMOVED', streamId, tag, reason: removal.reason })
    }
  }

  return {
    requireMovable,

    /** Removes the tag from status and spec. Throws TagProtectedError. Reports whether it was in one of them. */
    removeTag(tx: Transaction, viewer: Viewer, { stream, tag, reason }: RemovedTag): boolean {
      const streamId = stream.id
      requireMovable(viewer, stream, () => [tag])
      const state = tags.find(streamId, tag)
      const isInStatus = state !== undefined && state.removedAt === null
      if (isInStatus) removeFromStatus(tx, { stream, states: [state], at: now(), reason })
      const isInSpec = removeSpecTags(tx, streamId, [tag])
      if (!isInSpec && !isInStatus) return false
      if (isInSpec) versions.raiseGeneration(streamId)
      if (!isInStatus) recordChange(tx, { kind: 'TAG_SOURCE_CHANGED', streamId, tag })
      versions.raise(tx, streamId)
      return true
    },

    /** Removes all tags of the stream from its status, and keeps their spec tags with them; the caller then empties the spec. */
    removeAllTags(
      tx: Transaction,
      viewer: Viewer,
      removed: Removal & { readonly stream: StreamOfTags },
    ): void {
      const states = tags.ofStream(removed.stream.id)
      requireMovable(viewer, removed.stream, () => states.map(({ name }) => name))
      removeFromStatus(tx, { ...removed, states })
    },

    /** Restores removed tags that never had an image, by id. */
    restoreWithoutImage(tx: Transaction, streamId: number, ids: readonly number[]): void {
      if (ids.length === 0) return
      tags.restore(ids)
      versions.raise(tx, streamId)
    },
  }
}
