import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import { countsByOwner, pageOfOwners } from './owned-rows.ts'
import { EVENT_COLUMNS, type TagEvent } from './tag-event.ts'
import { visibleEvents } from './visible-rows.ts'

/** A tag and the entry of its history for a time in the past. */
export interface PastTag {
  readonly streamId: number
  readonly name: TagName
  readonly event: TagEvent
}

const OF_IMAGES = { table: 'tag_events', owner: 'image_id' } as const

/** Creates the reads of the entries of histories that have an image. */
export function createImageHistories(db: Database) {
  const before = db.prepare<{ id: number; imageId: number | null }>(
    `select e.id, (select p.image_id from tag_events p where p.tag_id = e.tag_id and p.id < e.id
       order by p.id desc limit 1) as imageId
     from tag_events e where e.id in (select value from json_each(?))`,
  )
  const newestInStream = db.prepare<TagEvent & { name: TagName }>(
    `select ${EVENT_COLUMNS}, g.name from tag_events t join tags g on g.id = t.tag_id
     where t.image_id = ? and g.stream_id = ? order by t.id desc limit 1`,
  )
  const previousOfTag = db.prepare<TagEvent>(
    `select ${EVENT_COLUMNS} from tag_events t where t.tag_id = ? and t.image_id <> ? order by t.id desc limit 1`,
  )
  const newestOfTag = db.prepare<TagEvent>(
    `select ${EVENT_COLUMNS} from tag_events t where t.image_id = ? and t.tag_id = ? order by t.id desc limit 1`,
  )

  return {
    /** Returns a page of each image's entries in the histories that the viewer sees, newest first; its keys are [event id]. */
    eventsOfImages: (viewer: Viewer, imageIds: readonly number[], page: KeysetPage): TagEvent[] =>
      pageOfOwners(db, { ...OF_IMAGES, columns: EVENT_COLUMNS, ...visibleEvents(viewer) }, imageIds, page),

    countEventsOfImages(viewer: Viewer, imageIds: readonly number[]): Map<number, number> {
      const { where, values } = visibleEvents(viewer)
      return countsByOwner(db, { ...OF_IMAGES, conditions: where }, imageIds, ...values)
    },

    /** Returns the image that the tag pointed to before each of these entries, by entry. First entries are missing. */
    imagesBefore: (eventIds: readonly number[]): Map<number, number> =>
      new Map(
        before
          .all(JSON.stringify(eventIds))
          .flatMap(({ id, imageId }) => (imageId === null ? [] : [[id, imageId]])),
      ),

    /** Returns the newest entry with the image in the histories of a stream, with its tag. */
    newestInStream(streamId: number, imageId: number): PastTag | undefined {
      const found = newestInStream.get(imageId, streamId)
      if (!found) return undefined
      const { name, ...event } = found
      return { streamId, name, event }
    },

    /** Returns the newest entry with the image in the history of a tag. */
    newestOfTag: (tagId: number, imageId: number): TagEvent | undefined => newestOfTag.get(imageId, tagId),

    /** Returns the newest entry with another image in the history of a tag. */
    previousOfTag: (tagId: number, imageId: number): TagEvent | undefined =>
      previousOfTag.get(tagId, imageId),
  }
}
