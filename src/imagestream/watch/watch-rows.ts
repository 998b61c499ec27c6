import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/rows.ts'
import { repositoryWatches } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'

/** State of the checks of a stream's repository. Times are milliseconds since 1970. */
export type RepositoryWatchRow = typeof repositoryWatches.$inferSelect

export interface WatchRows {
  /** Returns the state for the current repository of each stream; none for one that was not checked since it changed. */
  ofStreams(streamIds: readonly number[]): Map<number, RepositoryWatchRow>
  /** Saves the row unless the stream's repository has changed or the stream is gone. Reports whether it was saved. */
  save(tx: Transaction, row: RepositoryWatchRow): boolean
  /** Returns the tags that the last complete tag list lacked. */
  missing(streamId: number): TagName[]
  /** Marks the tags as listed again. */
  clearMissing(tx: Transaction, streamId: number, tags: readonly TagName[]): void
}

export function createWatchRows(db: Database): WatchRows {
  const save = db.prepare(`
    insert or replace into repository_watches (stream_id, generation, vendor, checked_at, checked_by, swept_at, total,
      marks, set_aside_until, reason, message, failing_since)
    select id, repository_generation, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? from image_streams
    where id = ? and repository_generation = ?`)
  return {
    ofStreams: (streamIds) =>
      new Map(
        db
          .prepare<RepositoryWatchRow>(
            `select ${columnsOf(repositoryWatches, 'w')} from repository_watches w
             join image_streams s on s.id = w.stream_id and s.repository_generation = w.generation
             where w.stream_id in (select value from json_each(?))`,
          )
          .all(JSON.stringify(streamIds))
          .map((row) => [row.streamId, row]),
      ),
    save: (_tx, row) =>
      save.run(
        row.vendor,
        row.checkedAt,
        row.checkedBy,
        row.sweptAt,
        row.total,
        row.marks,
        row.setAsideUntil,
        row.reason,
        row.message,
        row.failingSince,
        row.streamId,
        row.generation,
      ).changes > 0,
    missing: (streamId) =>
      db
        .prepare<{ name: TagName }>('select name from tags where stream_id = ? and missing_since is not null')
        .all(streamId)
        .map(({ name }) => name),
    clearMissing: (_tx, streamId, tags) => {
      db.prepare(
        'update tags set missing_since = null where stream_id = ? and name in (select value from json_each(?))',
      ).run(streamId, JSON.stringify(tags))
    },
  }
}
