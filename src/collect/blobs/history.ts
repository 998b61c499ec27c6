import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { TagName } from '../../oci/tag.ts'

/** The images that a stream's tags meant lately. */
export interface TagHistory {
  /** A tag that has the image among its newest events. */
  tagOf(imageId: number): TagName | undefined
  /** Takes in what happened since it was read; what fell out of a tag's newest events meanwhile stays in. */
  refresh(): void
}

export type ReadTagHistory = (
  streamId: number | null,
  revisions: number,
  signal: AbortSignal | undefined,
) => Promise<TagHistory>

const TAGS = 250

/**
 * Read once for a repository: tag events have no index by image, so asking for each image would read the whole stream
 * each time. A tag whose newest events are others by now has a new event since, or the same one with another image;
 * the first `refresh` finds, of the second the tag itself tells, which is always asked.
 */
export function createReadTagHistory(db: Database): ReadTagHistory {
  const newest = db.prepare<{ id: number }>('select coalesce(max(id), 0) as id from tag_events')
  // the left join names a tag without events too: the next page begins after it
  const page = db.prepare<{ tag: TagName; imageId: number | null }>(
    `select t.name as tag, e.image_id as imageId
     from (select id, name from tags where stream_id = ? and name > ? order by name limit ${TAGS}) t
     left join tag_events e on e.tag_id = t.id and e.id >= coalesce(
       (select id from tag_events where tag_id = t.id order by id desc limit 1 offset ? - 1), 0)
     order by t.name`,
  )
  const changed = db.prepare<{ id: number; tag: TagName }>(
    `select distinct t.id, t.name as tag from tag_events e cross join tags t on t.id = e.tag_id
     where e.id > ? and t.stream_id = ?`,
  )
  const imagesOf = db.prepare<{ imageId: number }>(
    'select image_id as imageId from tag_events where tag_id = ? order by id desc limit ?',
  )

  return async (streamId, revisions, signal) => {
    const tagByImage = new Map<number, TagName>()
    let seen = newest.get()?.id ?? 0
    for (let after = ''; streamId !== null; ) {
      const rows = page.all(streamId, after, revisions)
      for (const { tag, imageId } of rows) {
        if (imageId !== null && !tagByImage.has(imageId)) tagByImage.set(imageId, tag)
      }
      const last = rows.at(-1)?.tag
      if (last === undefined) break
      after = last
      await yieldToEventLoop(signal)
    }
    return {
      tagOf: (imageId) => tagByImage.get(imageId),
      refresh() {
        const now = newest.get()?.id ?? 0
        if (now <= seen || streamId === null) return
        for (const { id, tag } of changed.all(seen, streamId)) {
          for (const { imageId } of imagesOf.all(id, revisions)) tagByImage.set(imageId, tag)
        }
        seen = now
      },
    }
  }
}
