import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { PushLog } from '../../events/push-log.ts'
import type { TagName } from '../../oci/tag.ts'
import { createEventRows, type Removal } from './event-rows.ts'
import { type ChangedTags, createPolicyRules, type TagMove } from './policy-rules.ts'
import { createRemoveSpecTags } from './remove-spec-tags.ts'
import { createSharing, type StreamContent } from './stream-content.ts'
import {
  copiedChange,
  type ImportFailure,
  type ImportTransition,
  type TagAddress,
  type TagChange,
} from './tag-change.ts'
import type { RemovalReason } from './tag-event.ts'
import { createStreamVersions, createTagRows, type TagState } from './tag-rows.ts'

export interface RecordedEvent {
  readonly tagEventId: number
  /** Whether the tag points to another image now: only that is a push. */
  readonly pushed: boolean
}

/** Spec tags of one stream that were written together. */
export interface SpecTagChanges {
  /** Changes of tags that copy the image of another tag or of a history; each is read after those before it are recorded. */
  readonly events: Iterable<{ readonly tag: TagName; readonly change: TagChange }>
  /** Tags whose spec tag was added, changed or removed. */
  readonly rewritten: readonly TagName[]
}

/** All changes of tags: imports, pushes and tagging use it, and no other module writes tag events. */
export type TagRecorder = ReturnType<typeof createTagRecorder>

export interface TagRecorderDependencies {
  readonly db: Database
  readonly pushes: PushLog
  /** Null where no integrated registry serves the images of streams. */
  readonly content: StreamContent | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Runs in the transaction in which a tag begins or ceases to fail. */
  readonly onTransition: (tx: Transaction, transition: ImportTransition) => void
}

export function createTagRecorder(dependencies: TagRecorderDependencies) {
  const { db, pushes, content, now, onTransition } = dependencies
  const rows = { tags: createTagRows(db), events: createEventRows(db), versions: createStreamVersions(db) }
  const { tags, events, versions } = rows
  const recordOne = createRecordOne(rows, { pushes, onTransition, share: createSharing(content) })
  const followersOf = db.prepare<TagAddress & { generation: number }>(`
    select s.id as streamId, s.namespace, s.name as streamName, p.name as tag, p.generation
    from spec_tags p join image_streams s on s.id = p.stream_id
    where p.follows_namespace = ? and p.follows_stream = ? and p.follows_tag = ? order by s.id, p.name`)
  const policies = createPolicyRules(db)
  const { removeSpecTags, forgetSources } = createRemoveSpecTags(db)

  // Breadth first. A tag follows at most one other and never itself, so each follower is reached once.
  const recordWithFollowers = (tx: Transaction, address: TagAddress, change: TagChange): Recording => {
    const recording = recordOne(tx, address, change)
    const moved = recording.moved ? [address] : []
    for (const { namespace, streamName, tag } of moved) {
      for (const { generation, ...follower } of followersOf.all(namespace, streamName, tag)) {
        const copiedFrom = { namespace, name: streamName }
        const copy = copiedChange(change, { generation, copiedFrom, at: change.at })
        if (recordOne(tx, follower, copy).moved) moved.push(follower)
      }
    }
    return recording
  }

  // One round is enough: a policy never chooses a tag that follows another or has a policy, and only such tags move here.
  const applyPolicies = (tx: Transaction, streamId: number, changed: ChangedTags): void => {
    for (const { address, change } of policies.choose(tx, streamId, changed)) {
      recordWithFollowers(tx, address, change)
    }
  }

  const removeFromStatus = (
    tx: Transaction,
    streamId: number,
    states: readonly TagState[],
    reason: RemovalReason,
  ): void => {
    const removal: Removal = { at: now(), reason }
    events.remove(
      states.flatMap(({ eventId }) => eventId ?? []),
      removal,
    )
    tags.remove(
      states.map(({ id }) => id),
      removal.at,
    )
    forgetSources(
      tx,
      streamId,
      states.map(({ name }) => name),
    )
  }

  return {
    /**
     * Records the change of one tag. Spec tags that follow the tag, directly or through others, get the same image, and so
     * do the tags of the stream whose policy chooses the tag, with their followers.
     */
    recordTagEvent(tx: Transaction, address: TagAddress, change: TagChange): RecordedEvent {
      const { moved, isRecovered, ...recorded } = recordWithFollowers(tx, address, change)
      if (moved || isRecovered) {
        const changed = moved ? { moved: [moved], rewritten: [] } : { moved: [], rewritten: [address.tag] }
        applyPolicies(tx, address.streamId, { ...changed, at: change.at })
      }
      return recorded
    },

    /** Records the changes of one write of a spec; the stream's policies choose once, after all of them. */
    recordSpecTags(
      tx: Transaction,
      stream: Omit<TagAddress, 'tag'>,
      { events, rewritten }: SpecTagChanges,
    ): void {
      const moved: TagMove[] = []
      for (const { tag, change } of events) {
        const recording = recordWithFollowers(tx, { ...stream, tag }, change)
        if (recording.moved) moved.push(recording.moved)
      }
      applyPolicies(tx, stream.streamId, { moved, rewritten, at: now() })
    },

    /**
     * Sets the condition `ImportSuccess=False`; the history stays. A tag that its registry does not have any longer is no
     * candidate of policies: `leaveGoneTags` applies those that chose it.
     */
    recordImportFailure(tx: Transaction, { streamId, tag }: StreamTagKey, failure: ImportFailure): void {
      const old = tags.find(streamId, tag)
      const id = old?.id ?? tags.insert(streamId, tag, null)
      if (!tags.setFailure(id, failure)) return
      versions.raise(tx, streamId)
      if (isGone(old, failure)) tags.setGone(id, failure.at)
      if (!old?.failing) onTransition(tx, { streamId, tag, importId: failure.importId ?? null, failure })
    },

    /**
     * Applies the stream's policies that chose a tag that its registry does not have any longer. Called at the end of an
     * import: tags that disappeared together are not chosen one after the other.
     */
    leaveGoneTags(tx: Transaction, streamId: number): void {
      applyPolicies(tx, streamId, { moved: [], rewritten: policies.goneChoices(streamId), at: now() })
    },

    /**
     * Removes the tag and its spec tag; policies that chose it choose another tag. The history stays, and its newest entry
     * has the time and the reason. Reports whether the tag existed.
     */
    removeTag(tx: Transaction, { streamId, tag }: StreamTagKey, reason: RemovalReason): boolean {
      const state = tags.find(streamId, tag)
      const isInStatus = state !== undefined && state.removedAt === null
      if (isInStatus) removeFromStatus(tx, streamId, [state], reason)
      const isInSpec = removeSpecTags(tx, streamId, [tag])
      if (!isInSpec && !isInStatus) return false
      if (isInSpec) versions.raiseGeneration(streamId)
      versions.raise(tx, streamId)
      applyPolicies(tx, streamId, { moved: [], rewritten: [tag], at: now() })
      return true
    },

    /** Removes all tags of the stream from its status, with their spec tags in mind; the caller then empties the spec. */
    removeAllTags(tx: Transaction, streamId: number, reason: RemovalReason): void {
      removeFromStatus(tx, streamId, tags.ofStream(streamId), reason)
    },

    /** Deletes entries of histories; the newest entry of a tag stays. A removed tag goes with its last entry. */
    pruneTagEvents(tx: Transaction, eventIds: readonly number[]): void {
      const pruned = events.deleteOld(eventIds)
      for (const streamId of new Set(pruned.map((tag) => tag.streamId))) versions.raise(tx, streamId)
      tags.deletePruned(pruned.map(({ id }) => id))
    },
  }
}

type StreamTagKey = Pick<TagAddress, 'streamId' | 'tag'>

/** Reports whether the failure confirms that the registry lost the image: it came from the source that does not have the tag. */
const isGone = (old: TagState | undefined, { reason, generation }: ImportFailure): boolean =>
  reason === 'NotFound' && old?.upstreamDigest != null && (old.generation ?? 0) >= generation

/** A recorded change of one tag. */
interface Recording extends RecordedEvent {
  /** Null where the tag has the same image from the same place. */
  readonly moved: TagMove | null
  /** Whether the tag had a condition, which the change has cleared. */
  readonly isRecovered: boolean
}

/** The rows that a change of a tag writes. */
interface RecordedRows {
  readonly tags: ReturnType<typeof createTagRows>
  readonly events: ReturnType<typeof createEventRows>
  readonly versions: ReturnType<typeof createStreamVersions>
}

interface RecordedElsewhere extends Pick<TagRecorderDependencies, 'pushes' | 'onTransition'> {
  readonly share: ReturnType<typeof createSharing>
}

/** Returns the function that records the change of a single tag: its row, its event, its content and its push. */
function createRecordOne(
  { tags, events, versions }: RecordedRows,
  { pushes, onTransition, share }: RecordedElsewhere,
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

  return (tx: Transaction, address: TagAddress, received: TagChange): Recording => {
    const change = share(tx, address, received)
    const { streamId, streamName: imageStreamName, tag } = address
    const old = tags.find(streamId, tag)
    const sameImage = old?.imageId === change.imageId
    const sameReference = old?.dockerImageReference === change.dockerImageReference
    // an import of an older spec that finishes late never lowers the generation
    const sameGeneration = old !== undefined && old.generation !== null && change.generation <= old.generation
    const isSame = sameImage && sameReference && sameGeneration

    const tagEventId =
      isSame && old?.eventId != null
        ? old.eventId
        : write(address, change, { old, isSameSource: sameImage || sameReference })
    if (old?.failing) {
      tags.clearConditions(old.id)
      onTransition(tx, { streamId, tag, importId: change.importId ?? null, failure: null })
    }
    if (!isSame || old?.failing) versions.raise(tx, streamId)
    else if (old.upstreamDigest !== change.upstreamDigest) tags.setImage(old.id, change)

    const from = old?.imageId ?? null
    if (!sameImage) {
      const { namespace } = address
      const { at: pushedAt, source, imageId, dockerImageReference } = change
      const push = { pushedAt, source, namespace, imageStreamName, streamId, tag, dockerImageReference }
      pushes.append(tx, { ...push, imageId, previousImageId: from })
    }
    const moved = sameImage && sameReference ? null : { tag, from }
    return { tagEventId, pushed: !sameImage, moved, isRecovered: Boolean(old?.failing) }
  }
}
