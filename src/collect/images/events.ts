import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { TagName } from '../../oci/tag.ts'
import type { PrunedEvent } from './report.ts'
import type { PruneTerms } from './terms.ts'

/** An entry of a tag's history that the policy does not keep. */
export interface OldEvent extends PrunedEvent {
  readonly streamId: number
  readonly imageId: number
}

/** The next entry to look at is the tag's first behind this one, or else the next tag's. */
export interface HistoryPosition {
  readonly tagId: number
  readonly eventId: number
}

export interface OldEventsPage {
  readonly events: readonly OldEvent[]
  /** Where to go on; null at the end. */
  readonly next: HistoryPosition | null
}

/** Reads a part of all histories, true for the transaction in which it is read: at most a batch of tags, or of entries. */
export type ReadOldEvents = (from: HistoryPosition, terms: PruneTerms) => OldEventsPage

export const FIRST_POSITION: HistoryPosition = { tagId: 0, eventId: 0 }

interface TagRow {
  readonly id: number
  readonly streamId: number
  readonly tag: TagName
  readonly namespace: string
  readonly imageStreamName: string
  /** The newest event that is not among those that are kept; null where there is none. */
  readonly newestOld: number | null
}

type EventRow = Pick<OldEvent, 'id' | 'imageId' | 'dockerImageReference' | 'createdAt'>

export function createReadOldEvents(db: Database): ReadOldEvents {
  const tagPage = db.prepare<TagRow>(
    `select t.id, t.stream_id as streamId, t.name as tag, s.namespace, s.name as imageStreamName,
       iif(coalesce(?, s.namespace) = s.namespace,
         (select id from tag_events where tag_id = t.id order by id desc limit 1 offset ?), null) as newestOld
     from tags t cross join image_streams s on s.id = t.stream_id where t.id >= ? order by t.id limit ${BATCH}`,
  )
  const eventPage = db.prepare<EventRow>(
    `select id, image_id as imageId, docker_image_reference as dockerImageReference, created_at as createdAt
     from tag_events where tag_id = ? and id > ? and id <= ? order by id limit ?`,
  )
  // its results are events: what it brought in, also before a restart, and what it found unchanged
  const importing = db.prepare<{ streamId: number }>(
    `select distinct stream_id as streamId from imports where state = 'RUNNING' and finished_at is null
     and stream_id is not null`,
  )

  return (from, { keepTagRevisions, oldUntil, namespace }) => {
    const busy = new Set(importing.all().map(({ streamId }) => streamId))
    const tags = tagPage.all(namespace, keepTagRevisions, from.tagId)
    const events: OldEvent[] = []
    let looked = 0
    for (const { id: tagId, newestOld, ...tag } of tags) {
      if (newestOld === null || busy.has(tag.streamId)) continue
      const after = tagId === from.tagId ? from.eventId : 0
      const rows = eventPage.all(tagId, after, newestOld, BATCH - looked)
      for (const row of rows) if (row.createdAt <= oldUntil) events.push({ ...row, ...tag, tagId })
      looked += rows.length
      // a history may be longer than what is looked at together
      if (looked === BATCH) return { events, next: { tagId, eventId: rows.at(-1)?.id ?? after } }
    }
    const last = tags.at(-1)
    return { events, next: last ? { tagId: last.id + 1, eventId: 0 } : null }
  }
}
