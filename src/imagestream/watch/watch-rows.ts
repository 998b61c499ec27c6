import { and, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/statement.ts'
import { imageStreams, repositoryWatches } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'

/** State of the checks of a stream's repository. Times are milliseconds since 1970. */
export type RepositoryWatchRow = typeof repositoryWatches.$inferSelect

export type WatchRows = ReturnType<typeof createWatchRows>

export function createWatchRows(db: Database) {
  return {
    /** Returns the state for the current repository of each stream; none for one that was not checked since it changed. */
    ofStreams: (streamIds: readonly number[]): Map<number, RepositoryWatchRow> =>
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
    /** Saves the row unless the stream's repository has changed or the stream is gone. Reports whether it was saved. */
    save(_tx: Transaction, row: RepositoryWatchRow): boolean {
      const { id, repositoryGeneration: generation } = imageStreams
      const isCurrent = and(eq(id, row.streamId), eq(generation, row.generation))
      if (!db.orm.select({ id }).from(imageStreams).where(isCurrent).get()) return false
      const target = repositoryWatches.streamId
      db.orm.insert(repositoryWatches).values(row).onConflictDoUpdate({ target, set: row }).run()
      return true
    },
    /** Returns the tags that the last complete tag list lacked. */
    missing: (streamId: number): TagName[] =>
      db
        .prepare<{ name: TagName }>('select name from tags where stream_id = ? and missing_since is not null')
        .all(streamId)
        .map(({ name }) => name),
    /** Marks the tags as listed again. */
    clearMissing: (_tx: Transaction, streamId: number, tags: readonly TagName[]): void => {
      db.prepare(
        'update tags set missing_since = null where stream_id = ? and name in (select value from json_each(?))',
      ).run(streamId, JSON.stringify(tags))
    },
  }
}
