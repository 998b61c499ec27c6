import { and, desc, eq, gt, max } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { tagEvents, tags } from '../../db/tables/index.ts'
import type { TagName } from '../../oci/tag.ts'
import { pagesOf } from '../kept/pages.ts'
import type { CollectionTerms } from './terms.ts'

/** The images of the newest entries of each tag of a stream, also of tags that were removed a short time ago. */
export interface TaggedImages {
  /** Returns a tag that has the image among its newest entries. */
  tagOf(imageId: number): TagName | undefined
  /** Reads the entries that were added since. Entries that are no longer among the newest ones stay in. */
  refresh(): void
}

/** Tags that one statement reads. */
const TAGS = 250

/**
 * Returns a reader of histories. It reads a repository's histories once, since a query for each image would be slow.
 * `refresh` finds tags with new entries, but not a newest entry whose image was replaced: callers also check the current
 * image of each tag.
 */
export function createReadTagHistory(db: Database) {
  const newestId = (): number =>
    db.orm
      .select({ id: max(tagEvents.id) })
      .from(tagEvents)
      .get()?.id ?? 0
  // the left join returns tags without events too, so that the next page starts after them
  const page = db.prepare<{ tag: TagName; imageId: number | null }>(
    `select t.name as tag, e.image_id as imageId
     from (select id, name from tags where stream_id = ? and name > ? and coalesce(removed_at >= ?, 1) order by name limit ${TAGS}) t
     left join tag_events e on e.tag_id = t.id and e.id >= coalesce(
       (select id from tag_events where tag_id = t.id order by id desc limit 1 offset ? - 1), 0)
     order by t.name`,
  )
  const changedSince = (lastRead: number, streamId: number) =>
    db.orm
      .selectDistinct({ id: tags.id, tag: tags.name })
      .from(tagEvents)
      .crossJoin(tags)
      .where(and(eq(tags.id, tagEvents.tagId), gt(tagEvents.id, lastRead), eq(tags.streamId, streamId)))
      .all()
  const imagesOf = (tagId: number, limit: number) =>
    db.orm
      .select({ imageId: tagEvents.imageId })
      .from(tagEvents)
      .where(eq(tagEvents.tagId, tagId))
      .orderBy(desc(tagEvents.id))
      .limit(limit)
      .all()

  return async (
    streamId: number | null,
    { keepTagRevisions: revisions, untaggedBefore }: CollectionTerms,
    signal: AbortSignal,
  ): Promise<TaggedImages> => {
    const tagByImage = new Map<number, TagName>()
    let lastRead = newestId()
    if (streamId !== null) {
      const read = (after = '') => page.all(streamId, after, untaggedBefore ?? 0, revisions)
      for await (const rows of pagesOf('tag', read, signal)) {
        for (const { tag, imageId } of rows) {
          if (imageId !== null && !tagByImage.has(imageId)) tagByImage.set(imageId, tag)
        }
      }
    }
    return {
      tagOf: (imageId) => tagByImage.get(imageId),
      refresh() {
        const now = newestId()
        if (now <= lastRead || streamId === null) return
        for (const { id: tagId, tag } of changedSince(lastRead, streamId)) {
          for (const { imageId } of imagesOf(tagId, revisions)) tagByImage.set(imageId, tag)
        }
        lastRead = now
      },
    }
  }
}
