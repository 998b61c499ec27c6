import { and, asc, eq, gt, isNotNull, isNull, lte, sql } from 'drizzle-orm'
import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { imports, tagEvents } from '../../db/tables/index.ts'
import type { PrunedEvent } from './report.ts'
import type { PruneTerms } from './terms.ts'

/** An entry of a tag's history that the policy does not keep. */
export interface OldEvent extends PrunedEvent {
  readonly streamId: number
  readonly imageId: number
}

/** Position in all histories: the next entry is the tag's first after `eventId`, else the next tag's first. */
export interface HistoryPosition {
  readonly tagId: number
  readonly eventId: number
}

/** Position before all entries. */
export const FIRST_POSITION: HistoryPosition = { tagId: 0, eventId: 0 }

interface TagHistoryRow extends Pick<OldEvent, 'streamId' | 'tag' | 'namespace' | 'imageStreamName'> {
  readonly id: number
  /** The newest event that is not among the kept ones; null if there is none. */
  readonly newestOld: number | null
}

/**
 * Returns a function that reads a page of all histories: at most a batch of tags, or of entries. Its result, with the
 * start of the next page or null at the end, is valid within the caller's transaction.
 */
export function createReadOldEvents(db: Database) {
  const tagPage = db.prepare<TagHistoryRow>(
    `select t.id, t.stream_id as streamId, t.name as tag, s.namespace, s.name as imageStreamName,
       iif(coalesce(?, s.namespace) = s.namespace,
         (select id from tag_events where tag_id = t.id order by id desc limit 1 offset ?), null) as newestOld
     from tags t cross join image_streams s on s.id = t.stream_id where t.id >= ? order by t.id limit ${BATCH}`,
  )
  const eventPage = db.orm
    .select({
      id: tagEvents.id,
      imageId: tagEvents.imageId,
      dockerImageReference: tagEvents.dockerImageReference,
      createdAt: tagEvents.createdAt,
    })
    .from(tagEvents)
    .where(
      and(
        eq(tagEvents.tagId, sql.placeholder('tagId')),
        gt(tagEvents.id, sql.placeholder('after')),
        lte(tagEvents.id, sql.placeholder('newestOld')),
      ),
    )
    .orderBy(asc(tagEvents.id))
    .limit(sql.placeholder('limit'))
    .prepare()
  // results of an import are events: those that it created, also before a restart, and those that it found unchanged
  const importing = () =>
    db.orm
      .selectDistinct({ streamId: imports.streamId })
      .from(imports)
      .where(and(eq(imports.state, 'RUNNING'), isNull(imports.finishedAt), isNotNull(imports.streamId)))
      .all()

  return (
    from: HistoryPosition,
    { keepTagRevisions, oldUntil, namespace }: PruneTerms,
  ): { events: readonly OldEvent[]; next: HistoryPosition | null } => {
    const busy = new Set(importing().map(({ streamId }) => streamId))
    const tags = tagPage.all(namespace, keepTagRevisions, from.tagId)
    const events: OldEvent[] = []
    let read = 0
    for (const { id: tagId, newestOld, ...tag } of tags) {
      if (newestOld === null || busy.has(tag.streamId)) continue
      const after = tagId === from.tagId ? from.eventId : 0
      const rows = eventPage.all({ tagId, after, newestOld, limit: BATCH - read })
      for (const row of rows) if (row.createdAt <= oldUntil) events.push({ ...row, ...tag, tagId })
      read += rows.length
      // a history may be longer than a page
      if (read === BATCH) return { events, next: { tagId, eventId: rows.at(-1)?.id ?? after } }
    }
    const last = tags.at(-1)
    return { events, next: last ? { tagId: last.id + 1, eventId: 0 } : null }
  }
}
