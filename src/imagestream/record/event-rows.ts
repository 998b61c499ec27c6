import type { Database } from '../../db/open.ts'
import type { TagChange } from '../tag/tag-change.ts'
import type { RemovalReason } from '../tag/tag-event.ts'

/** When tags are removed, in milliseconds since 1970, and why. */
export interface Removal {
  readonly at: number
  readonly reason: RemovalReason
}

/** The writes of `tag_events`. */
export type EventRows = ReturnType<typeof createEventRows>

/** Creates the writes of `tag_events`, for the recorder alone. */
export function createEventRows(db: Database) {
  const insert = db.prepare(
    `insert into tag_events (tag_id, image_id, docker_image_reference, generation, created_at, import_id)
     values (?, ?, ?, ?, ?, ?)`,
  )
  const rewrite = db.prepare(
    'update tag_events set image_id = ?, docker_image_reference = ?, generation = max(generation, ?) where id = ?',
  )
  // a clock that was set back never puts a removal before its entry
  const remove = db.prepare(
    `update tag_events set removed_at = max(created_at, ?), removed_reason = ?
     where id in (select value from json_each(?))`,
  )
  const isOld = `e.id in (select value from json_each(?))
    and e.id is not (select newest_event_id from tags t where t.id = e.tag_id)`
  const tagsOfOld = db.prepare<{ id: number; streamId: number }>(
    `select distinct e.tag_id as id, (select stream_id from tags t where t.id = e.tag_id) as streamId
     from tag_events e where ${isOld}`,
  )
  const deleteOld = db.prepare(`delete from tag_events as e where ${isOld}`)

  return {
    insert: (tagId: number, change: TagChange): number => {
      const { imageId, dockerImageReference, generation, at, importId = null } = change
      return insert.insert(tagId, imageId, dockerImageReference, generation, at, importId)
    },
    rewrite: (eventId: number, { imageId, dockerImageReference, generation }: TagChange): void =>
      void rewrite.run(imageId, dockerImageReference, generation, eventId),
    /** Marks the newest entries of tags that are removed. */
    remove: (eventIds: readonly number[], { at, reason }: Removal): void =>
      void remove.run(at, reason, JSON.stringify(eventIds)),
    /** Deletes those of the events that are not the newest of their tag. Returns these tags. */
    deleteOld(eventIds: readonly number[]): { readonly id: number; readonly streamId: number }[] {
      const ids = JSON.stringify(eventIds)
      const tags = tagsOfOld.all(ids)
      deleteOld.run(ids)
      return tags
    },
  }
}
