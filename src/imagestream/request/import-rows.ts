import type { Database } from '../../db/open.ts'
import { keyset, pageOfEach } from '../../db/page.ts'
import { columnsOf } from '../../db/rows.ts'
import { imports as importsTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TransientImage } from '../image/image.ts'
import type { ImportFailureReason } from '../tag/tag-change.ts'
import { sortKeysOf } from '../tag/tag-order.ts'
import type { ImportRequest } from './import-plan.ts'

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
  /** The tag event that was made, or found true; null where it failed, and in a dry run. */
  readonly eventId: number | null
  /** In a dry run: the image that the tag means, which another would follow. */
  readonly previousImageId?: number | null
  /** There where the registry has another index, of which the same image is taken: see `reindexedPlatforms`. */
  readonly reindexed?: string | null
}

/** What an import has found unchanged. */
export interface UnchangedTags {
  /** The tag events that the tags were at: their results. */
  readonly unchangedEvents: readonly number[]
  /** Those of them of which the registry has another index now: which other platforms changed, null where not known. */
  readonly reindexedEvents: ReadonlyMap<number, string | null>
}

/** Why a tag could not be brought in. */
export interface Failure {
  readonly reason: ImportFailureReason | 'Superseded'
  readonly message: string
}

export interface ResultListing {
  readonly state?: ImportResultState | undefined
  /** Its keys are [importance]. */
  readonly page: KeysetPage
}

/** A stream keeps this many of its imports; older ones are forgotten when a new one finishes. */
export const KEPT_IMPORTS = 50

type ImportRow = typeof importsTable.$inferSelect
type StoredImport = Omit<ImportRow, 'request' | keyof UnchangedTags>

export interface ImportRows {
  /**
   * Adds a pending import, or finds one that has not begun and asks for the same: that one becomes as urgent as the more
   * urgent of the two.
   */
  add(tx: Transaction, streamId: number, request: ImportRequest): { id: number; isNew: boolean }
  request(id: number): ImportRequest | undefined
  byIds(ids: readonly number[]): Map<number, Import>
  /** A page of each stream's imports, newest first; its keys are [id]. */
  ofStreams(streamIds: readonly number[], page: KeysetPage): Import[]
  countOfStreams(streamIds: readonly number[]): Map<number, number>
  /** Begun or waiting when the last process ended, oldest first. */
  unfinished(): { id: number; streamId: number }[]
  countUnfinished(): { readonly running: number; readonly pending: number }
  /** Begins it, or after a restart begins it again: what had failed is tried anew. */
  start(tx: Transaction, id: number, at: number): void
  saveFailure(tx: Transaction, importId: number, tag: TagName, failure: Failure): void
  finish(tx: Transaction, finished: Import, unchanged: UnchangedTags): void
  /** The tags that it brought in so far. */
  importedTags(importId: number): TagName[]
  /** `unchanged` stands in for what a running import has not stored yet. */
  results(importId: number, listing: ResultListing, unchanged?: UnchangedTags): ImportResult[]
  /** Ends what runs or waits for a stream that is being deleted, and forgets the rest. Returns the ids of the ended. */
  endOfStream(tx: Transaction, streamId: number, at: number): number[]
}

const COLUMNS = columnsOf(importsTable, 't', ['request', 'unchangedEvents', 'reindexedEvents'])

const toImport = (row: StoredImport): Import => ({
  ...row,
  additionalTags: row.additionalTags === '[]' ? [] : JSON.parse(row.additionalTags),
})

/** As it is stored now, or was by versions that knew of schedules alone. */
function readRequest(text: string): ImportRequest {
  const { scheduled, ...request }: ImportRequest & { scheduled?: boolean } = JSON.parse(text)
  return scheduled ? { ...request, urgency: 'schedule' } : request
}

/** What is asked for by people, who have no urgency of their own, is between the two. */
const ORDER = ['webhook', undefined, 'schedule'] as const

const isMoreUrgent = (one: ImportRequest, other: ImportRequest): boolean =>
  ORDER.indexOf(one.urgency) < ORDER.indexOf(other.urgency)

export function createImportRows(db: Database): ImportRows {
  // the result of a tag that was brought in, or found unchanged, is the tag event that the import made, or found true
  const eventColumns = (state: ImportResultState): string =>
    `t.name as tag, t.importance, '${state}' as state, e.image_id as imageId,
     e.docker_image_reference as dockerImageReference, null as reason, null as message, e.id as eventId`
  const results = `
    select ${eventColumns('UNCHANGED')}
    from json_each(coalesce(?, (select unchanged_events from imports where id = ?))) u
    join tag_events e on e.id = u.value join tags t on t.id = e.tag_id
    union all
    select ${eventColumns('IMPORTED')} from tag_events e join tags t on t.id = e.tag_id where e.import_id = ?
    union all
    select tag, importance, 'FAILED', null, null, reason, message, null from import_failures where import_id = ?`

  const reindexedOf = db.prepare<{ reindexedEvents: string }>(
    'select reindexed_events as reindexedEvents from imports where id = ?',
  )

  return {
    add(_tx, streamId, request) {
      const text = JSON.stringify(request)
      const pending = db
        .prepare<{ id: number; request: string }>(
          `select id, request from imports where stream_id = ? and state = 'PENDING'
             and json_remove(request, '$.urgency', '$.scheduled') = json_remove(?, '$.urgency')`,
        )
        .get(streamId, text)
      if (pending) {
        if (isMoreUrgent(request, readRequest(pending.request))) {
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
    request(id) {
      const row = db.prepare<{ request: string }>('select request from imports where id = ?').get(id)
      return row && readRequest(row.request)
    },
    byIds: (ids) =>
      new Map(
        db
          .prepare<StoredImport>(
            `select ${COLUMNS} from imports t where t.id in (select value from json_each(?))`,
          )
          .all(JSON.stringify(ids))
          .map((row) => [row.id, toImport(row)]),
      ),
    ofStreams(streamIds, page) {
      const { from, orderBy, parameters, inOrder } = pageOfEach(page, [{ column: 'id', descending: true }], {
        table: 'imports',
        owner: 'stream_id',
      })
      return inOrder(
        db
          .prepare<StoredImport>(`select ${COLUMNS} from ${from} order by ${orderBy}`)
          .all(...parameters(streamIds)),
      ).map(toImport)
    },
    countOfStreams: (streamIds) =>
      new Map(
        db
          .prepare<{ streamId: number; total: number }>(
            `select stream_id as streamId, count(*) as total from imports
             where stream_id in (select value from json_each(?)) group by stream_id`,
          )
          .all(JSON.stringify(streamIds))
          .map(({ streamId, total }) => [streamId, total]),
      ),
    unfinished: () =>
      db
        .prepare<{ id: number; streamId: number }>(
          `select id, stream_id as streamId from imports
           where finished_at is null and stream_id is not null order by id`,
        )
        .all(),
    countUnfinished: () =>
      db
        .prepare<{ running: number; pending: number }>(
          `select count(*) filter (where state = 'RUNNING') as running,
             count(*) filter (where state = 'PENDING') as pending
           from imports where finished_at is null`,
        )
        .get() ?? { running: 0, pending: 0 },
    start: (_tx, id, at) => {
      db.prepare(
        `update imports set state = 'RUNNING', started_at = coalesce(started_at, ?) where id = ?`,
      ).run(at, id)
      db.prepare('delete from import_failures where import_id = ?').run(id)
    },
    saveFailure(_tx, importId, tag, { reason, message }) {
      db.prepare(
        `insert or replace into import_failures (import_id, tag, importance, reason, message)
         values (?, ?, ?, ?, ?)`,
      ).run(importId, tag, sortKeysOf(tag).importance, reason, message)
    },
    finish(_tx, finished, { unchangedEvents, reindexedEvents }) {
      db.prepare(
        `update imports set state = ?, finished_at = ?, total = ?, imported = ?, unchanged = ?, failed = ?,
           additional_tags = ?, unchanged_events = ?, reindexed_events = ?, reason = ?, message = ? where id = ?`,
      ).run(
        finished.state,
        finished.finishedAt,
        finished.total,
        finished.imported,
        finished.unchanged,
        finished.failed,
        JSON.stringify(finished.additionalTags),
        JSON.stringify(unchangedEvents),
        JSON.stringify([...reindexedEvents]),
        finished.reason,
        finished.message,
        finished.id,
      )
      db.prepare('delete from import_listings where import_id = ?').run(finished.id)
      db.prepare(
        `delete from imports where stream_id = ? and finished_at is not null and id <=
           (select id from imports where stream_id = ? order by id desc limit 1 offset ${KEPT_IMPORTS})`,
      ).run(finished.streamId, finished.streamId)
    },
    importedTags: (importId) =>
      db
        .prepare<{ tag: TagName }>(
          'select t.name as tag from tag_events e join tags t on t.id = e.tag_id where e.import_id = ?',
        )
        .all(importId)
        .map(({ tag }) => tag),
    results(importId, { state, page }, unchanged) {
      const reindexed: UnchangedTags['reindexedEvents'] =
        unchanged?.reindexedEvents ?? new Map(JSON.parse(reindexedOf.get(importId)?.reindexedEvents ?? '[]'))
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, [{ column: 'importance' }])
      const where = [...(state ? ['state = ?'] : []), ...condition]
      return inOrder(
        db
          .prepare<ImportResult>(
            `select * from (${results}) ${where.length > 0 ? `where ${where.join(' and ')}` : ''}
             order by ${orderBy} limit ?`,
          )
          .all(
            unchanged ? JSON.stringify(unchanged.unchangedEvents) : null,
            importId,
            importId,
            importId,
            ...(state ? [state] : []),
            ...keys,
            limit,
          ),
      ).map((result) => {
        const platforms = reindexed.get(result.eventId ?? 0)
        return platforms === undefined || result.state !== 'UNCHANGED'
          ? result
          : { ...result, reindexed: platforms }
      })
    },
    endOfStream(_tx, streamId, at) {
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
