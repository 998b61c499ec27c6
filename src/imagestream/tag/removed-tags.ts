import { and, asc, eq, getTableColumns, isNotNull, notExists, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import type { SortColumn } from '../../db/page.ts'
import { tagEvents, tags } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import { countsByOwner } from './owned-rows.ts'
import type { TagEvent } from './tag-event.ts'

/** A removed tag, as the last entry of its history, which the removal ended. */
export type RemovedTag = TagEvent & Pick<typeof tags.$inferSelect, 'name' | 'removedSpec'>

const LAST_REMOVED: readonly SortColumn[] = [
  { column: 'removed_at', descending: true },
  { column: 'id', descending: true },
]
const IS_REMOVED = 'removed_at is not null'
type PageOf<Tag> = (
  page: KeysetPage,
  order: readonly SortColumn[],
  rows: { readonly owner: string; readonly where: readonly string[] },
  ids: readonly number[],
) => Tag[]

/** Creates the reads of removed tags, which have a history and no image. */
export function createRemovedTags<Tag>(db: Database, pageOf: PageOf<Tag>) {
  const { importId: _, ...entry } = getTableColumns(tagEvents)
  const isLast = eq(tagEvents.id, sql`(select max(id) from tag_events where tag_id = ${tags.id})`)
  /** Returns removed tags, the first removed entry first. */
  const lastEntries = (streamId: number, condition: SQL): RemovedTag[] =>
    db.orm
      .select({ ...entry, name: tags.name, removedSpec: tags.removedSpec })
      .from(tags)
      .innerJoin(tagEvents, isLast)
      .where(and(eq(tags.streamId, streamId), isNotNull(tags.removedAt), condition))
      .orderBy(asc(tagEvents.id))
      .all()
  const rows = { owner: 'stream_id', where: [IS_REMOVED] }

  return {
    /** Returns the removed tag of this name. */
    removed: (streamId: number, name: TagName): RemovedTag | undefined =>
      lastEntries(streamId, eq(tags.name, name))[0],
    /** Returns the tags that were removed because their stream was deleted. */
    removedWithStream: (streamId: number): RemovedTag[] =>
      lastEntries(streamId, eq(tagEvents.removedReason, 'STREAM_DELETED')),
    /**
     * Returns the removed tags that never had an image and have a reported history: the one of this name, or those removed
     * at this time.
     */
    removedWithoutImage: (
      streamId: number,
      { name, at }: { readonly name?: TagName; readonly at?: number },
    ): Pick<typeof tags.$inferSelect, 'id' | 'name' | 'removedSpec'>[] =>
      db.orm
        .select({ id: tags.id, name: tags.name, removedSpec: tags.removedSpec })
        .from(tags)
        .where(
          and(
            eq(tags.streamId, streamId),
            isNotNull(tags.removedAt),
            name === undefined ? undefined : eq(tags.name, name),
            at === undefined ? undefined : eq(tags.removedAt, at),
            notExists(
              db.orm.select({ id: tagEvents.id }).from(tagEvents).where(eq(tagEvents.tagId, tags.id)),
            ),
          ),
        )
        .all(),
    /** Returns a page of each stream's removed tags, the last removed first; its keys are [removedAt, tag id]. */
    removedOfStreams: (streamIds: readonly number[], page: KeysetPage): Tag[] =>
      pageOf(page, LAST_REMOVED, rows, streamIds),
    countRemovedOfStreams: (streamIds: readonly number[]): Map<number, number> =>
      countsByOwner(db, { table: 'tags', owner: 'stream_id', conditions: [IS_REMOVED] }, streamIds),
  }
}
