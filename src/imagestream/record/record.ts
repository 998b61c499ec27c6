import { createTagGuard } from '../../access/protection/tag-guard.ts'
import { quotaGuardOf } from '../../access/quota/quota-guard.ts'
import { SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import { createConditionRows } from '../tag/condition-rows.ts'
import type { TagAddress, TagChange } from '../tag/tag-change.ts'
import { createStreamVersions, createTagRows } from '../tag/tag-rows.ts'
import type { ChangeRecorder } from './change-record.ts'
import { createEventRows } from './event-rows.ts'
import { type ChangedTags, createPolicyRules, type TagMove } from './policy-rules.ts'
import { createRecordFailure } from './record-failure.ts'
import { createRecordWithFollowers, type RightsOf } from './record-followers.ts'
import { createRecordOne, type RecordedElsewhere, type RecordedEvent } from './record-one.ts'
import { createRecordRemoval, type RemovedTag } from './record-removal.ts'
import { createSharing, type StreamContent } from './stream-content.ts'
import { createWaitingFollowers, type WaitingFollowers } from './waiting-followers.ts'

/** Spec tags of one stream that were written together. */
export interface SpecTagChanges extends Omit<TagAddress, 'tag'> {
  /** Changes of tags that copy the image of another tag or of a history; each is read after those before it are recorded. */
  readonly events: Iterable<{ readonly tag: TagName; readonly change: TagChange }>
  /** Tags whose spec tag was added, changed or removed. */
  readonly rewritten: readonly TagName[]
}

/** All changes of tags: imports, pushes and tagging use it, and no other module writes tag events. */
export type TagRecorder = ReturnType<typeof createTagRecorder>

export interface TagRecorderDependencies extends Omit<RecordedElsewhere, 'share' | 'guard' | 'quota'> {
  readonly db: Database
  readonly recordChange: ChangeRecorder
  /** Null where no integrated registry serves the images of streams. */
  readonly content: StreamContent | null
  readonly rightsOf: RightsOf
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the error when followers of a tag cannot be moved after it; they are moved later. */
  readonly onError: (error: unknown) => void
}

/** Creates the recorder of a database, the only module that writes tag events. */
export function createTagRecorder(dependencies: TagRecorderDependencies) {
  const { db, changeLog, recordChange, content, rightsOf, now, onTransition, onError } = dependencies
  const rows = {
    tags: createTagRows(db),
    conditions: createConditionRows(db),
    events: createEventRows(db),
    versions: createStreamVersions(db),
  }
  const { tags, events, versions } = rows
  const guard = createTagGuard(db)
  const quota = quotaGuardOf(db)
  const share = createSharing(content)
  const recordOne = createRecordOne(rows, { changeLog, onTransition, share, guard, quota })
  const recordFailure = createRecordFailure(rows, onTransition)
  const onWaiting = (tx: Transaction, followers: WaitingFollowers): void => waiting.add(tx, followers)
  const withFollowers = createRecordWithFollowers(db, recordOne, { rightsOf, recordFailure, onWaiting })
  const waiting = createWaitingFollowers({
    db,
    move(tx, followers) {
      const { streamId, tag } = followers.source
      const { imageId = null, dockerImageReference = null, eventId = null } = tags.find(streamId, tag) ?? {}
      if (imageId === null || dockerImageReference === null) return
      withFollowers.recordFollowers(tx, followers, { imageId, dockerImageReference, eventId, at: now() })
    },
    onError,
  })
  const policies = createPolicyRules(db)
  const removal = createRecordRemoval(db, rows, { recordChange, now })

  // One round is enough: a policy never chooses a tag that follows another or has a policy, and only such tags move here.
  const applyPolicies = (tx: Transaction, streamId: number, changed: ChangedTags): void => {
    for (const { address, change } of policies.choose(tx, streamId, changed)) {
      withFollowers.recordCopy(tx, address, change)
    }
  }

  return {
    /**
     * Records the change of one tag. Spec tags that follow the tag, directly or through others, get the same image, and so
     * do the tags of the stream whose policy chooses the tag, with their followers; of very many followers, some get it in
     * later transactions. Throws TagProtectedError.
     */
    recordTagEvent(tx: Transaction, viewer: Viewer, address: TagAddress, change: TagChange): RecordedEvent {
      const { moved, isRecovered, ...recorded } = withFollowers.record(tx, viewer, address, change)
      if (moved || isRecovered) {
        const changed = moved ? { moved: [moved], rewritten: [] } : { moved: [], rewritten: [address.tag] }
        applyPolicies(tx, address.streamId, { ...changed, at: change.at })
      }
      return recorded
    },

    /**
     * Records the changes of one write of a spec; the stream's policies choose once, after all of them. Throws
     * TagProtectedError, except for the server's own work.
     */
    recordSpecTags(tx: Transaction, viewer: Viewer, { events, rewritten, ...stream }: SpecTagChanges): void {
      const moved: TagMove[] = []
      for (const { tag, change } of events) {
        const address = { ...stream, tag }
        const recording =
          viewer === SYSTEM
            ? withFollowers.recordCopy(tx, address, change)
            : withFollowers.record(tx, viewer, address, change)
        if (recording?.moved) moved.push(recording.moved)
      }
      applyPolicies(tx, stream.streamId, { moved, rewritten, at: now() })
    },

    /**
     * Sets the condition `ImportSuccess=False`; the history stays. A tag that its registry does not have any longer is no
     * candidate of policies: `leaveGoneTags` applies those that chose it.
     */
    recordImportFailure: recordFailure,

    /**
     * Applies the stream's policies that chose a tag that its registry does not have any longer. Called at the end of an
     * import: tags that disappeared together are not chosen one after the other.
     */
    leaveGoneTags(tx: Transaction, streamId: number): void {
      applyPolicies(tx, streamId, { moved: [], rewritten: policies.goneChoices(streamId), at: now() })
    },

    /**
     * Removes the tag and its spec tag; policies that chose it choose another tag. The history stays, and its newest entry
     * has the time and the reason. Reports whether the tag existed. Throws TagProtectedError.
     */
    removeTag(tx: Transaction, viewer: Viewer, removed: RemovedTag): boolean {
      if (!removal.removeTag(tx, viewer, removed)) return false
      applyPolicies(tx, removed.stream.id, { moved: [], rewritten: [removed.tag], at: now() })
      return true
    },

    /** Throws TagProtectedError for the first of the tags that exists and may not be moved or removed by the viewer. */
    requireMovable: removal.requireMovable,
    /** Moves the followers that waited when the process ended. Called at the start. */
    restoreFollowers: waiting.restore,
    [Symbol.dispose]: waiting[Symbol.dispose],

    removeAllTags: removal.removeAllTags,
    restoreWithoutImage: removal.restoreWithoutImage,

    /** Deletes entries of histories; the newest entry of a tag stays. A removed tag is deleted with its last entry. */
    pruneTagEvents(tx: Transaction, eventIds: readonly number[]): void {
      const pruned = events.deleteOld(eventIds)
      for (const streamId of new Set(pruned.map((tag) => tag.streamId))) versions.raise(tx, streamId)
      tags.deletePruned(pruned.map(({ id }) => id))
    },
  }
}
