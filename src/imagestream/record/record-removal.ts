import type { TagGuard } from '../../access/protection/tag-guard.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RemovalReason } from '../tag/tag-event.ts'
import type { TagState } from '../tag/tag-rows.ts'
import type { ChangeRecorder } from './change-record.ts'
import type { Removal } from './event-rows.ts'
import type { RecordedRows } from './record-one.ts'
import { createRemoveSpecTags } from './remove-spec-tags.ts'

/** A stream whose tags are removed. */
type StreamOfTags = StreamName & { readonly id: number }

/** A tag to remove. */
export interface RemovedTag {
  readonly stream: StreamOfTags
  readonly tag: TagName
  readonly reason: RemovalReason
}

interface RemovalDependencies {
  readonly recordChange: ChangeRecorder
  readonly guard: TagGuard
  readonly now: () => number
}

/** Creates the removal of tags, whose histories stay. `now` returns milliseconds since 1970. */
export function createRecordRemoval(
  db: Database,
  { tags, events, versions }: RecordedRows,
  { recordChange, guard, now }: RemovalDependencies,
) {
  const { removeSpecTags, forgetSources } = createRemoveSpecTags(db)

  const removeFromStatus = (
    tx: Transaction,
    viewer: Viewer,
    { stream, states, ...removal }: Removal & { stream: StreamOfTags; states: readonly TagState[] },
  ): void => {
    const streamId = stream.id
    const withImage = states.filter(({ eventId }) => eventId !== null)
    guard.require(
      viewer,
      stream,
      withImage.map(({ name }) => name),
    )
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
    /** Removes the tag from status and spec. Throws TagProtectedError. Reports whether it was in one of them. */
    removeTag(tx: Transaction, viewer: Viewer, { stream, tag, reason }: RemovedTag): boolean {
      const streamId = stream.id
      const state = tags.find(streamId, tag)
      const isInStatus = state !== undefined && state.removedAt === null
      if (isInStatus) removeFromStatus(tx, viewer, { stream, states: [state], at: now(), reason })
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
      removeFromStatus(tx, viewer, { ...removed, states: tags.ofStream(removed.stream.id) })
    },

    /** Restores removed tags that never had an image, by id. */
    restoreWithoutImage(tx: Transaction, streamId: number, ids: readonly number[]): void {
      if (ids.length === 0) return
      tags.restore(ids)
      versions.raise(tx, streamId)
    },
  }
}
