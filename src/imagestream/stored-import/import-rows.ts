import { eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imports } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import { sortKeysOf } from '../tag/tag-order.ts'
import type { ImportRequest } from './import-plan.ts'
import { createImportReads } from './import-reads.ts'
import type { Import, TagFailure, UnchangedTags } from './import-state.ts'

/** Number of finished imports that a stream keeps; older ones are deleted when another one finishes. */
export const KEPT_IMPORTS = 50

/** The store of imports, their requests and failures. */
export type ImportRows = ReturnType<typeof createImportRows>

export function createImportRows(db: Database) {
  return {
    ...createImportReads(db),

    /**
     * Adds a pending import. Returns an equal one instead if it has not started; that one then gets the higher urgency of
     * the two.
     */
    add(_tx: Transaction, streamId: number, request: ImportRequest): { id: number; isNew: boolean } {
      const text = JSON.stringify(request)
      const pending = db
        .prepare<{ id: number; request: string }>(
          `select id, request from imports where stream_id = ? and state = 'PENDING'
             and json_remove(request, '$.urgency', '$.scheduled') = json_remove(?, '$.urgency')`,
        )
        .get(streamId, text)
      if (pending) {
        if (isMoreUrgent(request, parseRequest(pending.request))) {
          db.prepare('update imports set request = ? where id = ?').run(text, pending.id)
        }
        return { id: pending.id, isNew: false }
      }
      const id = db
        .prepare(
          `insert into imports (stream_id, request, state, imported, unchanged, failed, additional_tags,
             unchanged_events) values (?, ?, 'PENDING', 0, 0, 0, '[]', '[]')`,
        )
        .insert(streamId, text)
      return { id, isNew: true }
    },
    request(id: number): ImportRequest | undefined {
      const row = db.prepare<{ request: string }>('select request from imports where id = ?').get(id)
      return row && parseRequest(row.request)
    },
    /** Sets the state RUNNING. After a restart, deletes the failures: those tags are requested again. */
    start(_tx: Transaction, id: number, at: number): void {
      db.prepare(
        `update imports set state = 'RUNNING', started_at = coalesce(started_at, ?) where id = ?`,
      ).run(at, id)
      db.prepare('delete from import_failures where import_id = ?').run(id)
    },
    saveFailure(_tx: Transaction, importId: number, tag: TagName, { reason, message }: TagFailure): void {
      db.prepare(
        `insert or replace into import_failures (import_id, tag, importance, reason, message)
         values (?, ?, ?, ?, ?)`,
      ).run(importId, tag, sortKeysOf(tag).importance, reason, message)
    },
    finish(_tx: Transaction, finished: Import, { unchangedEvents, reindexedEvents }: UnchangedTags): void {
      // the first start counts, also after a restart
      const { id, streamId, startedAt: _, additionalTags, ...columns } = finished
      db.orm
        .update(imports)
        .set({
          ...columns,
          additionalTags: JSON.stringify(additionalTags),
          unchangedEvents: JSON.stringify(unchangedEvents),
          reindexedEvents: JSON.stringify([...reindexedEvents]),
        })
        .where(eq(imports.id, id))
        .run()
      db.prepare('delete from import_listings where import_id = ?').run(id)
      db.prepare(
        `delete from imports where stream_id = ? and finished_at is not null and id <=
           (select id from imports where stream_id = ? order by id desc limit 1 offset ${KEPT_IMPORTS})`,
      ).run(streamId, streamId)
    },
    /** Fails the unfinished imports of a stream that is being deleted, and deletes the others. Returns the failed ids. */
    endOfStream(_tx: Transaction, streamId: number, at: number): number[] {
      db.prepare(
        'delete from import_listings where import_id in (select id from imports where stream_id = ?)',
      ).run(streamId)
      db.prepare('delete from imports where stream_id = ? and finished_at is not null').run(streamId)
      db.prepare('delete from imports where stream_id is null').run()
      return db
        .prepare<{ id: number }>(
          `update imports set state = 'FAILED', finished_at = ?, reason = 'NotFound',
             message = 'the image stream was deleted' where stream_id = ? returning id`,
        )
        .all(at, streamId)
        .map(({ id }) => id)
    },
  }
}

interface StoredRequest extends ImportRequest {
  readonly scheduled?: boolean
  readonly fullSweep?: true
}

/** Parses a stored request. Older versions stored `scheduled` instead of an urgency, and another name of `fullScan`. */
function parseRequest(text: string): ImportRequest {
  const { scheduled, fullSweep, ...request }: StoredRequest = JSON.parse(text)
  return {
    ...request,
    ...(scheduled && { urgency: 'schedule' as const }),
    ...(fullSweep && { fullScan: true as const }),
  }
}

/** Urgencies, the highest first. Requests of people have none. */
const URGENCIES = ['webhook', undefined, 'schedule'] as const

const isMoreUrgent = (one: ImportRequest, other: ImportRequest): boolean =>
  URGENCIES.indexOf(one.urgency) < URGENCIES.indexOf(other.urgency)
