import type { Database } from '../../db/open.ts'
import { keyset } from '../../db/page.ts'
import { columnsOf } from '../../db/statement.ts'
import { imports } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import { countsByOwner, pageOfOwners } from '../tag/owned-rows.ts'
import {
  type Import,
  type ImportResult,
  type ImportResultState,
  RESULT_COLUMNS,
  type ResultPage,
  type StoredImport,
  type UnchangedTags,
} from './import-state.ts'

const COLUMNS = columnsOf(imports, 't', RESULT_COLUMNS)
const OF_STREAM = { table: 'imports', owner: 'stream_id' } as const

// the result of an imported or unchanged tag is the tag event that the import recorded, or that is still current
const eventColumns = (state: ImportResultState): string =>
  `t.name as tag, t.importance, '${state}' as state, e.image_id as imageId,
   e.docker_image_reference as dockerImageReference, null as reason, null as message, e.id as eventId`

const RESULTS = `
  select ${eventColumns('UNCHANGED')}
  from json_each(coalesce(?, (select unchanged_events from imports where id = ?))) u
  join tag_events e on e.id = u.value join tags t on t.id = e.tag_id
  union all
  select ${eventColumns('IMPORTED')} from tag_events e join tags t on t.id = e.tag_id where e.import_id = ?
  union all
  select tag, importance, 'FAILED', null, null, reason, message, null from import_failures where import_id = ?`

/** Creates the reads of stored imports and their results. */
export function createImportReads(db: Database) {
  return {
    byIds: (ids: readonly number[]): Map<number, Import> =>
      new Map(
        db
          .prepare<StoredImport>(
            `select ${COLUMNS} from imports t where t.id in (select value from json_each(?))`,
          )
          .all(JSON.stringify(ids))
          .map((row) => [row.id, toImport(row)]),
      ),
    /** Returns a page of each stream's imports, newest first; its keys are [id]. */
    ofStreams: (streamIds: readonly number[], page: KeysetPage): Import[] =>
      pageOfOwners<StoredImport>(db, { ...OF_STREAM, columns: COLUMNS }, streamIds, page).map(toImport),
    countOfStreams: (streamIds: readonly number[]): Map<number, number> =>
      countsByOwner(db, OF_STREAM, streamIds),
    /** Returns the imports that were running or pending when the last process ended, oldest first. */
    unfinished: (): { id: number; streamId: number }[] =>
      db
        .prepare<{ id: number; streamId: number }>(
          `select id, stream_id as streamId from imports
           where finished_at is null and stream_id is not null order by id`,
        )
        .all(),
    countUnfinished: (): { readonly running: number; readonly pending: number } =>
      db
        .prepare<{ running: number; pending: number }>(
          `select count(*) filter (where state = 'RUNNING') as running,
             count(*) filter (where state = 'PENDING') as pending
           from imports where finished_at is null`,
        )
        .get() ?? { running: 0, pending: 0 },
    /** Returns the tags that it has imported so far. */
    importedTags: (importId: number): TagName[] =>
      db
        .prepare<{ tag: TagName }>(
          'select t.name as tag from tag_events e join tags t on t.id = e.tag_id where e.import_id = ?',
        )
        .all(importId)
        .map(({ tag }) => tag),
    /** Returns a page of results. `unchanged` replaces the unchanged tags, which a running import has not stored yet. */
    results(importId: number, page: ResultPage, unchanged?: UnchangedTags): ImportResult[] {
      const reindexed = unchanged?.reindexedEvents ?? readReindexed(db, importId)
      return readResults(db, importId, { ...page, unchanged }).map((result) => {
        const platforms = reindexed.get(result.eventId ?? 0)
        return platforms === undefined || result.state !== 'UNCHANGED'
          ? result
          : { ...result, reindexed: platforms }
      })
    },
  }
}

const toImport = (row: StoredImport): Import => ({
  ...row,
  additionalTags: row.additionalTags === '[]' ? [] : JSON.parse(row.additionalTags),
})

function readReindexed(db: Database, importId: number): UnchangedTags['reindexedEvents'] {
  const row = db
    .prepare<{ reindexedEvents: string }>(
      'select reindexed_events as reindexedEvents from imports where id = ?',
    )
    .get(importId)
  return new Map(JSON.parse(row?.reindexedEvents ?? '[]'))
}

function readResults(
  db: Database,
  importId: number,
  { tag, state, page, unchanged }: ResultPage & { readonly unchanged: UnchangedTags | undefined },
): ImportResult[] {
  const { condition, keys, orderBy, limit, inOrder } = keyset(page, [{ column: 'importance' }])
  const equal = Object.entries({ tag, state }).filter(([, value]) => value !== undefined)
  const conditions = [...equal.map(([column]) => `${column} = ?`), ...condition]
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
  const stored = unchanged ? JSON.stringify(unchanged.unchangedEvents) : null
  return inOrder(
    db
      .prepare<ImportResult>(`select * from (${RESULTS}) ${where} order by ${orderBy} limit ?`)
      .all(stored, importId, importId, importId, ...equal.map(([, value]) => value ?? null), ...keys, limit),
  )
}
