import type { Database } from '../db/open.ts'
import { columnsOf } from '../db/rows.ts'
import { importResults, imports as importsTable } from '../db/tables.ts'
import type { Transaction } from '../db/transact.ts'
import type { TagName } from '../oci/tag.ts'
import type { TransientImage } from './image.ts'
import type { ImportRequest } from './import-plan.ts'
import { type KeysetPage, keyset } from './page.ts'

export type ImportState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'PARTIALLY_SUCCEEDED' | 'FAILED'
export type ImportResultState = 'IMPORTED' | 'UNCHANGED' | 'FAILED'

/** One import, as it stands. Times are milliseconds since 1970. */
export interface Import {
  /** Negative for a dry run, which is not stored. */
  readonly id: number
  readonly streamId: number | null
  readonly state: ImportState
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly total: number | null
  readonly imported: number
  readonly unchanged: number
  readonly failed: number
  readonly additionalTags: readonly TagName[]
  /** Why the whole import failed. */
  readonly reason: string | null
  readonly message: string | null
}

export interface ImportResult {
  readonly tag: TagName
  /** Sort key: results come in order of importance. */
  readonly importance: string
  readonly state: ImportResultState
  readonly imageId: number | null
  /** In place of `imageId`, for a dry run's image that is not stored. */
  readonly image?: TransientImage
  readonly dockerImageReference: string | null
  readonly reason: string | null
  readonly message: string | null
}

export interface ResultListing {
  readonly state?: ImportResultState | undefined
  /** Its keys are [importance]. */
  readonly page: KeysetPage
}

/** A stream keeps this many of its imports; older ones are forgotten when a new one finishes. */
export const KEPT_IMPORTS = 50

type ImportRow = typeof importsTable.$inferSelect

export interface ImportRows {
  /** Adds a pending import, or finds one that has not begun and asks for the same. */
  add(tx: Transaction, streamId: number, request: ImportRequest): { id: number; isNew: boolean }
  request(id: number): ImportRequest | undefined
  byIds(ids: readonly number[]): Map<number, Import>
  /** Newest first; its keys are [id]. */
  ofStream(streamId: number, page: KeysetPage): Import[]
  countOfStream(streamId: number): number
  /** Begun or waiting when the last process ended, oldest first. */
  unfinished(): { id: number; streamId: number }[]
  /** Begins it, or after a restart begins it again: what had failed is tried anew. */
  start(tx: Transaction, id: number, at: number): void
  saveResult(tx: Transaction, importId: number, result: Omit<ImportResult, 'image'>): void
  finish(tx: Transaction, finished: Import, unchangedEvents: readonly number[]): void
  /** What was decided of each tag so far, but for the unchanged ones. */
  savedResults(importId: number): { tag: TagName; state: ImportResultState }[]
  /** `unchangedEvents` stands in for what a running import has not stored yet. */
  results(importId: number, listing: ResultListing, unchangedEvents?: readonly number[]): ImportResult[]
  /** Ends what runs or waits for a stream that is being deleted, and forgets the rest. Returns the ids of the ended. */
  endOfStream(tx: Transaction, streamId: number, at: number): number[]
}

const COLUMNS = columnsOf(importsTable, 'i', ['request', 'unchangedEvents'])
const RESULT_COLUMNS = columnsOf(importResults, 'r', ['importId'])

const toImport = (row: Omit<ImportRow, 'request' | 'unchangedEvents'>): Import => ({
  ...row,
  additionalTags: row.additionalTags === '[]' ? [] : JSON.parse(row.additionalTags),
})

export function createImportRows(db: Database): ImportRows {
  // an unchanged tag's result is where its tag stood: the tag event that the import found still true
  const unchanged = `select t.name as tag, t.importance, 'UNCHANGED' as state, e.image_id as imageId,
      e.docker_image_reference as dockerImageReference, null as reason, null as message
    from json_each(coalesce(?, (select unchanged_events from imports where id = ?))) u
    join tag_events e on e.id = u.value join tags t on t.id = e.tag_id`
  const decided = `select ${RESULT_COLUMNS} from import_results r where r.import_id = ?`
  const saveResult = db.prepare(
    `insert or replace into import_results (import_id, tag, importance, state, image_id, docker_image_reference,
       reason, message) values (?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  return {
    add(_tx, streamId, request) {
      const text = JSON.stringify(request)
      const pending = db
        .prepare<{ id: number }>(
          `select id from imports where stream_id = ? and state = 'PENDING' and request = ?`,
        )
        .get(streamId, text)
      if (pending) return { id: pending.id, isNew: false }
      const added = db
        .prepare<{ id: number }>(
          `insert into imports (stream_id, request, state, imported, unchanged, failed, additional_tags,
             unchanged_events) values (?, ?, 'PENDING', 0, 0, 0, '[]', '[]') returning id`,
        )
        .get(streamId, text)
      if (!added) throw new Error('an insert returned no row')
      return { id: added.id, isNew: true }
    },
    request(id) {
      const row = db.prepare<{ request: string }>('select request from imports where id = ?').get(id)
      return row && JSON.parse(row.request)
    },
    byIds: (ids) =>
      new Map(
        db
          .prepare<ImportRow>(
            `select ${COLUMNS} from imports i where i.id in (select value from json_each(?))`,
          )
          .all(JSON.stringify(ids))
          .map((row) => [row.id, toImport(row)]),
      ),
    ofStream(streamId, page) {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [
        { column: 'i.id', descending: true },
      ])
      return inOrder(
        db
          .prepare<ImportRow>(
            `select ${COLUMNS} from imports i where ${['i.stream_id = ?', ...condition].join(' and ')}
             order by ${orderBy} limit ?`,
          )
          .all(streamId, ...keys, limit),
      ).map(toImport)
    },
    countOfStream: (streamId) =>
      db.prepare<{ total: number }>('select count(*) as total from imports where stream_id = ?').get(streamId)
        ?.total ?? 0,
    unfinished: () =>
      db
        .prepare<{ id: number; streamId: number }>(
          `select id, stream_id as streamId from imports
           where finished_at is null and stream_id is not null order by id`,
        )
        .all(),
    start: (_tx, id, at) => {
      db.prepare(
        `update imports set state = 'RUNNING', started_at = coalesce(started_at, ?) where id = ?`,
      ).run(at, id)
      db.prepare(`delete from import_results where import_id = ? and state = 'FAILED'`).run(id)
    },
    saveResult(_tx, importId, { tag, importance, state, imageId, dockerImageReference, reason, message }) {
      saveResult.run(importId, tag, importance, state, imageId, dockerImageReference, reason, message)
    },
    finish(_tx, finished, unchangedEvents) {
      db.prepare(
        `update imports set state = ?, finished_at = ?, total = ?, imported = ?, unchanged = ?, failed = ?,
           additional_tags = ?, unchanged_events = ?, reason = ?, message = ? where id = ?`,
      ).run(
        finished.state,
        finished.finishedAt,
        finished.total,
        finished.imported,
        finished.unchanged,
        finished.failed,
        JSON.stringify(finished.additionalTags),
        JSON.stringify(unchangedEvents),
        finished.reason,
        finished.message,
        finished.id,
      )
      db.prepare(
        `delete from imports where stream_id = ? and finished_at is not null and id <=
           (select id from imports where stream_id = ? order by id desc limit 1 offset ${KEPT_IMPORTS})`,
      ).run(finished.streamId, finished.streamId)
    },
    savedResults: (importId) =>
      db
        .prepare<{ tag: TagName; state: ImportResultState }>(
          'select tag, state from import_results where import_id = ?',
        )
        .all(importId),
    results(importId, { state, page }, unchangedEvents) {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [{ column: 'importance' }])
      const where = [...(state ? ['state = ?'] : []), ...condition]
      return inOrder(
        db
          .prepare<ImportResult>(
            `select * from (${unchanged} union all ${decided}) ${where.length > 0 ? `where ${where.join(' and ')}` : ''}
             order by ${orderBy} limit ?`,
          )
          .all(
            unchangedEvents ? JSON.stringify(unchangedEvents) : null,
            importId,
            importId,
            ...(state ? [state] : []),
            ...keys,
            limit,
          ),
      )
    },
    endOfStream(_tx, streamId, at) {
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
