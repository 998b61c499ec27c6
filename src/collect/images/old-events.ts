import { and, eq, isNotNull, isNull } from 'drizzle-orm'
import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { imports } from '../../db/tables/index.ts'
import { isRunning } from '../kept/running.ts'
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

type EventRow = Pick<OldEvent, 'id' | 'imageId' | 'dockerImageReference' | 'createdAt'>

/** Tags that one statement reads: as few as the entries of one page can have. */
const TAGS_A_STATEMENT = 16

/**
 * Returns a function that reads a page of all histories: at most a batch of tags, and `most` entries. Its result, with the
 * start of the next page or null at the end, is valid within the caller's transaction.
 */
export function createReadOldEvents(db: Database) {
  const tagPage = db.prepare<TagHistoryRow>(
    `select t.id, t.stream_id as streamId, t.name as tag, s.namespace, s.name as imageStreamName,
       iif(coalesce(?, s.namespace) = s.namespace,
         case when t.removed_at <= ? then (select max(id) from tag_events where tag_id = t.id)
           else (select id from tag_events where tag_id = t.id order by id desc limit 1 offset ?) end, null) as newestOld
     from tags t cross join image_streams s on s.id = t.stream_id
     where t.id >= ? order by t.id limit ${TAGS_A_STATEMENT}`,
  )
  // what runs stays in its history, through which a stream serves it and a workload's distance from the newest is known;
  // the history may have millions of entries: Drizzle takes longer for each than SQLite
  const eventPage = db.prepare<EventRow>(
    `select id, image_id as imageId, docker_image_reference as dockerImageReference, created_at as createdAt
     from tag_events e where tag_id = ? and id > ? and id <= ?
       and not exists (select 1 from images i where i.id = e.image_id and ${isRunning('i.digest')})
     order by id limit ?`,
  )
  // results of an import are events: those that it created, also before a restart, and those that it found unchanged
  const importing = db.orm
    .selectDistinct({ streamId: imports.streamId })
    .from(imports)
    .where(and(eq(imports.state, 'RUNNING'), isNull(imports.finishedAt), isNotNull(imports.streamId)))
    .prepare()

  return (
    from: HistoryPosition,
    { keepTagRevisions, oldUntil, namespace }: PruneTerms,
    most: number,
  ): { events: readonly OldEvent[]; next: HistoryPosition | null } => {
    const busy = new Set(importing.all().map(({ streamId }) => streamId))
    const events: OldEvent[] = []
    let next = from
    let read = 0
    for (let tagsRead = 0; tagsRead < BATCH; tagsRead += TAGS_A_STATEMENT) {
      const tags = tagPage.all(namespace, oldUntil, keepTagRevisions, next.tagId)
      for (const {
        id: tagId,
        newestOld,
        streamId,
        tag,
        namespace: streamNamespace,
        imageStreamName,
      } of tags) {
        const after = tagId === next.tagId ? next.eventId : 0
        if (newestOld === null || busy.has(streamId)) continue
        const rows = eventPage.all(tagId, after, newestOld, most - read)
        for (const { id, imageId, dockerImageReference, createdAt } of rows) {
          if (createdAt > oldUntil) continue
          const ofTag = { tagId, streamId, namespace: streamNamespace, imageStreamName, tag }
          events.push({ id, imageId, dockerImageReference, createdAt, ...ofTag })
        }
        read += rows.length
        // a history may be longer than a page
        if (read === most) return { events, next: { tagId, eventId: rows.at(-1)?.id ?? after } }
      }
      const last = tags.at(-1)
      if (!last || tags.length < TAGS_A_STATEMENT) return { events, next: null }
      next = { tagId: last.id + 1, eventId: 0 }
    }
    return { events, next }
  }
}
