import type { Database } from '../../db/open.ts'
import type { tagEvents, tags } from '../../db/tables/index.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportFailure, TagChange } from './tag-change.ts'
import { sortKeysOf } from './tag-order.ts'

type Nullable<Row> = { [Column in keyof Row]: Row[Column] | null }

/** A tag before a change; the columns of its newest event are null while it has none. */
export interface TagState
  extends Pick<typeof tags.$inferSelect, 'id' | 'upstreamDigest'>,
    Nullable<Pick<typeof tagEvents.$inferSelect, 'imageId' | 'dockerImageReference' | 'generation'>> {
  readonly eventId: number | null
  /** 1 when the tag has a condition. */
  readonly failing: 0 | 1
}

/** Writes of `tags`, a row with the newest image of each tag, and of their conditions. Runs inside a transaction. */
export interface TagRows {
  find(streamId: number, tag: TagName): TagState | undefined
  /** Inserts a tag, without an event yet. Returns its id. */
  insert(streamId: number, tag: TagName, change: TagChange | null): number
  setEvent(id: number, eventId: number): void
  setNewest(id: number, eventId: number, change: TagChange): void
  /** Sets the image and the upstream digest, and keeps the event. */
  setImage(id: number, change: Pick<TagChange, 'imageId' | 'upstreamDigest'>): void
  /** Sets the condition `ImportSuccess=False`. Reports whether that changed anything. */
  setFailure(id: number, failure: ImportFailure): boolean
  clearConditions(id: number): void
}

// a tag has a copy of its image's platforms: tags are searched by them
const PLATFORMS = '(select platforms from images where id = ?)'

export function createTagRows(db: Database): TagRows {
  const find = db.prepare<TagState>(`
    select t.id, t.upstream_digest as upstreamDigest, e.id as eventId, e.image_id as imageId,
      e.docker_image_reference as dockerImageReference, e.generation, t.failing is not null as failing
    from tags t left join tag_events e on e.id = t.newest_event_id
    where t.stream_id = ? and t.name = ?`)
  const insert = db.prepare(
    `insert into tags (stream_id, name, importance, version, newest_at, newest_image_id, upstream_digest, platforms)
     values (?, ?, ?, ?, ?, ?, ?, ${PLATFORMS})`,
  )
  const setEvent = db.prepare('update tags set newest_event_id = ? where id = ?')
  const setNewest = db.prepare(
    `update tags set newest_event_id = ?, newest_at = ?, newest_image_id = ?, upstream_digest = ?,
       platforms = ${PLATFORMS} where id = ?`,
  )
  const setImage = db.prepare(
    `update tags set newest_image_id = ?, upstream_digest = ?, platforms = ${PLATFORMS} where id = ?`,
  )
  const setFailing = db.prepare('update tags set failing = ? where id = ?')
  const setWorking = db.prepare('update tags set failing = null, missing_since = null where id = ?')
  const clearConditions = db.prepare('delete from tag_conditions where tag_id = ?')
  const setCondition = db.prepare(`
    insert into tag_conditions (tag_id, type, status, reason, message, last_transition_time, generation)
    values (?, 'ImportSuccess', 'False', ?, ?, ?, ?)
    on conflict (tag_id, type) do update set status = excluded.status, reason = excluded.reason,
      message = excluded.message, generation = excluded.generation, last_transition_time =
        case when status = excluded.status then last_transition_time else excluded.last_transition_time end
    where (status, reason, message, generation) is not
      (excluded.status, excluded.reason, excluded.message, excluded.generation)`)

  return {
    find: (streamId, tag) => find.get(streamId, tag),
    insert(streamId, tag, change) {
      const { importance, version } = sortKeysOf(tag)
      const { at = 0, imageId = null, upstreamDigest = null } = change ?? {}
      return insert.insert(streamId, tag, importance, version, at, imageId, upstreamDigest, imageId)
    },
    setEvent: (id, eventId) => void setEvent.run(eventId, id),
    setNewest: (id, eventId, { at, imageId, upstreamDigest }) =>
      void setNewest.run(eventId, at, imageId, upstreamDigest, imageId, id),
    setImage: (id, { imageId, upstreamDigest }) => void setImage.run(imageId, upstreamDigest, imageId, id),
    setFailure(id, { reason, message, generation, at }) {
      if (setCondition.run(id, reason, message, at, generation).changes === 0) return false
      setFailing.run(reason, id)
      return true
    },
    clearConditions(id) {
      clearConditions.run(id)
      setWorking.run(id)
    },
  }
}
