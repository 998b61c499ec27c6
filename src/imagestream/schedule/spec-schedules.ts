import { and, gt, type SQL, sql } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { importSchedules } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportRows } from '../stored-import/import-rows.ts'

export interface ScheduleDependencies {
  readonly db: Database
  readonly rows: Pick<ImportRows, 'request'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds from the end of one import to the next. */
  readonly intervalMs: number
  /**
   * Returns the number of intervals, 1 to LONGEST_SLOWDOWN, to the next import of a source (a spec tag, or empty for the
   * repository): more than 1 if its changes are announced before they are due.
   */
  readonly slowdownOf: (streamId: number, tag: TagName | '') => number
}

/** Milliseconds by which a clock is corrected in normal operation: due times are not moved for so little. */
const CLOCK_SLACK = 60_000

const REPOSITORY_IS_SCHEDULED = sql.raw('scheduled and docker_image_repository is not null')
/** The condition of `isImportable`. */
const TAG_IS_SCHEDULED = sql.raw(`scheduled and from_kind = 'DockerImage' and not reference`)

/**
 * Returns a number from 0 to the interval that depends on the stream's id. The fractions of multiples of the golden ratio
 * are evenly spread, so that the due times of streams that were created one after the other are as well.
 */
const spread = (intervalMs: number): SQL => {
  const multiple = sql.raw('stream_id * 0.6180339887498949')
  return sql`cast((${multiple} - cast(${multiple} as integer)) * ${intervalMs} as integer)`
}

/** Creates the writes of the schedules that specs request, as rows with a due time. */
export function createSpecSchedules({ db, now, intervalMs }: ScheduleDependencies) {
  const { orm } = db
  const pullIn = preparePullIn(db, intervalMs)

  const addMissing = (streams: SQL): boolean =>
    orm.run(sql`
      insert into import_schedules (stream_id, tag, due_at)
      select stream_id, tag, ${now()} + ${spread(intervalMs)} from (
        select id as stream_id, '' as tag from image_streams where ${REPOSITORY_IS_SCHEDULED}
        union all select stream_id, name from spec_tags where ${TAG_IS_SCHEDULED})
      where ${streams} on conflict (stream_id, tag) do nothing`).changes > 0

  const deleteUnwanted = (streams: SQL): boolean =>
    orm.run(sql`
      delete from import_schedules as s where ${streams}
        and not exists (
          select 1 from image_streams where id = s.stream_id and s.tag = '' and ${REPOSITORY_IS_SCHEDULED})
        and not exists (
          select 1 from spec_tags where stream_id = s.stream_id and name = s.tag and ${TAG_IS_SCHEDULED})`)
      .changes > 0

  return {
    /** Adds and deletes rows so that they match the stream's repository and these tags of its spec. Reports whether any row changed. */
    match(_tx: Transaction, streamId: number, tags: readonly TagName[]): boolean {
      const names = JSON.stringify(['', ...tags])
      const ofStream = sql`stream_id = ${streamId} and tag in (select value from json_each(${names}))`
      const isDeleted = deleteUnwanted(ofStream)
      return addMissing(ofStream) || isDeleted
    },
    /** Does the same for all streams. */
    matchAll(_tx: Transaction): void {
      deleteUnwanted(sql`true`)
      addMissing(sql`true`)
    },
    /** Moves the due times of slowed sources of these streams into the next interval. Reports whether there were any. */
    quicken(_tx: Transaction, streamIds: readonly number[]): boolean {
      const { slowedBy, dueAt, streamId } = importSchedules
      const ofStreams = isOneOf(streamId, streamIds)
      const values = { slowedBy: 1, dueAt: sql`min(${dueAt}, ${now()} + ${spread(intervalMs)})` }
      return (
        orm
          .update(importSchedules)
          .set(values)
          .where(and(gt(slowedBy, 1), ofStreams))
          .run().changes > 0
      )
    },
    /**
     * Moves due times into the next interval that are more milliseconds away than these. A succeeding source may be
     * `slowedBy` intervals away.
     */
    pullIn(
      _tx: Transaction,
      { succeeding, failing }: { readonly succeeding: number; readonly failing: number },
    ): void {
      const at = now()
      const after = at + CLOCK_SLACK
      pullIn.run({ at, after, afterSucceeding: after + succeeding, afterFailing: after + failing })
    },
  }
}

/** Prepares the statement, which runs each time that the next scheduled import is chosen. */
function preparePullIn({ orm }: Database, intervalMs: number) {
  const { slowedBy, dueAt, reason } = importSchedules
  const farthest = sql`case when ${reason} is null
    then ${sql.placeholder('after')} + ${intervalMs} * ${slowedBy} else ${sql.placeholder('afterFailing')} end`
  return orm
    .update(importSchedules)
    .set({ dueAt: sql`${sql.placeholder('at')} + ${spread(intervalMs)}` })
    .where(and(sql`${dueAt} > ${sql.placeholder('afterSucceeding')}`, gt(dueAt, farthest)))
    .prepare()
}
