import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import type { PushLog, PushSource } from '../events/push-log.ts'
import type { Digest } from '../oci/digest.ts'
import type { RegistryErrorReason } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import { sortKeysOf } from './tag-order.ts'

/** Which tag of which stream, as the push log names it. */
export interface TagAddress {
  readonly streamId: number
  readonly namespace: string
  readonly streamName: string
  readonly tag: TagName
}

export interface TagChange {
  readonly imageId: number
  /** Pull spec of the image. */
  readonly dockerImageReference: string
  readonly generation: number
  readonly source: PushSource
  /** The import that brings the image in, of which the event is a result. */
  readonly importId?: number
  /** What the upstream registry answers for the tag; null when the image does not come from one. */
  readonly upstreamDigest: Digest | null
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface ImportFailure {
  readonly reason: RegistryErrorReason
  /** The same for the same cause, so that a lasting failure is written once. */
  readonly message: string
  readonly generation: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface Recorded {
  readonly tagEventId: number
  /** Whether the tag has another image now: only that is a push. */
  readonly pushed: boolean
}

/** The one door through which tags change, whoever asks: an import, a push or a tag of another tag. */
export interface TagRecorder {
  recordTagEvent(tx: Transaction, address: TagAddress, change: TagChange): Recorded
  /** Keeps the history and says why the tag could not be read: the condition `ImportSuccess=False`. */
  recordImportFailure(tx: Transaction, address: TagAddress, failure: ImportFailure): void
  /** Removes the tag with its history, and what the spec says of it. Whether there was anything to remove. */
  removeTag(tx: Transaction, address: Pick<TagAddress, 'streamId' | 'tag'>): boolean
}

interface TagNow {
  id: number
  upstreamDigest: Digest | null
  eventId: number | null
  imageId: number | null
  dockerImageReference: string | null
  generation: number | null
  /** 1 when there is a condition to clear. */
  failing: 0 | 1
}

export function createTagRecorder(db: Database, pushes: PushLog): TagRecorder {
  const find = db.prepare<TagNow>(`
    select t.id, t.upstream_digest as upstreamDigest, e.id as eventId, e.image_id as imageId,
      e.docker_image_reference as dockerImageReference, e.generation,
      exists (select 1 from tag_conditions c where c.tag_id = t.id) as failing
    from tags t left join tag_events e on e.id = t.newest_event_id
    where t.stream_id = ? and t.name = ?`)
  const insertTag = db.prepare(
    `insert into tags (stream_id, name, importance, version, newest_at, newest_image_id, upstream_digest)
     values (?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertEvent = db.prepare(
    `insert into tag_events (tag_id, image_id, docker_image_reference, generation, created_at, import_id)
     values (?, ?, ?, ?, ?, ?)`,
  )
  const rewriteEvent = db.prepare(
    'update tag_events set image_id = ?, docker_image_reference = ?, generation = max(generation, ?) where id = ?',
  )
  const setNewestEvent = db.prepare('update tags set newest_event_id = ? where id = ?')
  const setNewest = db.prepare(
    'update tags set newest_event_id = ?, newest_at = ?, newest_image_id = ?, upstream_digest = ? where id = ?',
  )
  const setNewestImage = db.prepare('update tags set newest_image_id = ?, upstream_digest = ? where id = ?')
  const clearConditions = db.prepare('delete from tag_conditions where tag_id = ?')
  const setCondition = db.prepare(`
    insert into tag_conditions (tag_id, type, status, reason, message, last_transition_time, generation)
    values (?, 'ImportSuccess', 'False', ?, ?, ?, ?)
    on conflict (tag_id, type) do update set status = excluded.status, reason = excluded.reason,
      message = excluded.message, generation = excluded.generation, last_transition_time =
        case when status = excluded.status then last_transition_time else excluded.last_transition_time end
    where (status, reason, message, generation) is not
      (excluded.status, excluded.reason, excluded.message, excluded.generation)`)
  const deleteTag = db.prepare('delete from tags where stream_id = ? and name = ?')
  const deleteSpecTag = db.prepare('delete from spec_tags where stream_id = ? and name = ?')
  const raiseGeneration = db.prepare('update image_streams set generation = generation + 1 where id = ?')
  const touchStream = db.prepare(
    'update image_streams set resource_version = resource_version + 1 where id = ?',
  )

  const addTag = (streamId: number, tag: TagName, change: TagChange | null): number => {
    const { importance, version } = sortKeysOf(tag)
    const { at = 0, imageId = null, upstreamDigest = null } = change ?? {}
    return insertTag.insert(streamId, tag, importance, version, at, imageId, upstreamDigest)
  }

  const insertEventOf = (tagId: number, change: TagChange): number =>
    insertEvent.insert(
      tagId,
      change.imageId,
      change.dockerImageReference,
      change.generation,
      change.at,
      change.importId ?? null,
    )

  // the tag is there with its image from the start: its indexes are written once
  const addFirstEvent = (streamId: number, tag: TagName, change: TagChange): number => {
    const tagId = addTag(streamId, tag, change)
    const eventId = insertEventOf(tagId, change)
    setNewestEvent.run(eventId, tagId)
    return eventId
  }

  const addEvent = (tagId: number, change: TagChange): number => {
    const eventId = insertEventOf(tagId, change)
    setNewest.run(eventId, change.at, change.imageId, change.upstreamDigest, tagId)
    return eventId
  }

  const rewriteNewest = (tagId: number, eventId: number, change: TagChange): number => {
    rewriteEvent.run(change.imageId, change.dockerImageReference, change.generation, eventId)
    setNewestImage.run(change.imageId, change.upstreamDigest, tagId)
    return eventId
  }

  const touch = (tx: Transaction, streamId: number): void =>
    tx.beforeCommit(`touch stream ${streamId}`, () => touchStream.run(streamId))

  const appendPush = (tx: Transaction, to: TagAddress, change: TagChange, previousImageId: number | null) =>
    pushes.append(tx, {
      pushedAt: change.at,
      source: change.source,
      namespace: to.namespace,
      imageStreamName: to.streamName,
      streamId: to.streamId,
      tag: to.tag,
      dockerImageReference: change.dockerImageReference,
      imageId: change.imageId,
      previousImageId,
    })

  return {
    recordTagEvent(tx, address, change) {
      const { streamId, tag } = address
      const now = find.get(streamId, tag)
      const sameImage = now?.imageId === change.imageId
      const sameReference = now?.dockerImageReference === change.dockerImageReference
      // an older spec's import that finishes late never lowers what a newer one has observed
      const sameGeneration =
        now !== undefined && now.generation !== null && change.generation <= now.generation
      const isSame = sameImage && sameReference && sameGeneration

      let tagEventId: number
      if (!now) tagEventId = addFirstEvent(streamId, tag, change)
      else if (now.eventId === null || !(sameImage || sameReference)) tagEventId = addEvent(now.id, change)
      else if (!isSame) tagEventId = rewriteNewest(now.id, now.eventId, change)
      else tagEventId = now.eventId

      if (now?.failing) clearConditions.run(now.id)
      if (!isSame || now?.failing) {
        touch(tx, streamId)
      } else if (now && now.upstreamDigest !== change.upstreamDigest) {
        setNewestImage.run(change.imageId, change.upstreamDigest, now.id)
      }
      if (!sameImage) appendPush(tx, address, change, now?.imageId ?? null)
      return { tagEventId, pushed: !sameImage }
    },

    recordImportFailure(tx, { streamId, tag }, { reason, message, generation, at }) {
      const id = find.get(streamId, tag)?.id ?? addTag(streamId, tag, null)
      if (setCondition.run(id, reason, message, at, generation).changes > 0) touch(tx, streamId)
    },

    removeTag(tx, { streamId, tag }) {
      const inStatus = deleteTag.run(streamId, tag).changes > 0
      const inSpec = deleteSpecTag.run(streamId, tag).changes > 0
      if (inSpec) raiseGeneration.run(streamId)
      if (inStatus || inSpec) touch(tx, streamId)
      return inStatus || inSpec
    },
  }
}
