import { and, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/statement.ts'
import { imageStreams, repositoryWatches } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { StreamCondition } from '../stream/stream-conditions.ts'

/** State of the checks of a stream's repository. Times are milliseconds since 1970. */
export type RepositoryWatchRow = typeof repositoryWatches.$inferSelect

/** How the repository of a stream is checked, with the names of the API. Times are milliseconds since 1970. */
export interface WatchStatus
  extends Pick<
    RepositoryWatchRow,
    'streamId' | 'vendor' | 'checkedAt' | 'checkedBy' | 'fullScanAt' | 'setAsideUntil'
  > {
  /** When the next full scan is due; null where every import is one. */
  readonly nextFullScanAt: number | null
}

/** The states of the checks of repositories. */
export type RepositoryWatches = ReturnType<typeof createRepositoryWatches>

/** Creates the watches. `fullScanMs`: milliseconds between two full scans; 0 disables the listings of vendors. */
export function createRepositoryWatches(db: Database, fullScanMs: number) {
  const ofStreams = (streamIds: readonly number[]): Map<number, RepositoryWatchRow> =>
    new Map(
      db
        .prepare<RepositoryWatchRow>(
          `select ${columnsOf(repositoryWatches, 'w')} from repository_watches w
           join image_streams s on s.id = w.stream_id and s.repository_generation = w.generation
           where w.stream_id in (select value from json_each(?))`,
        )
        .all(JSON.stringify(streamIds))
        .map((row) => [row.streamId, row]),
    )

  return {
    /** Returns the state for the current repository of each stream; none for one that was not checked since it changed. */
    ofStreams,
    /** Has no entry for a stream whose repository was not checked since it changed. */
    statusOf(streamIds: readonly number[]): Map<number, WatchStatus> {
      const statuses = new Map<number, WatchStatus>()
      for (const [id, row] of ofStreams(streamIds)) {
        const { fullScanAt, vendor, reason } = row
        const isUsed = vendor !== null && reason === null && fullScanMs > 0
        statuses.set(id, {
          ...row,
          nextFullScanAt: isUsed && fullScanAt !== null ? fullScanAt + fullScanMs : null,
        })
      }
      return statuses
    },
    /** Returns the condition `VendorListing`. Has no entry for a stream whose listing works, or that has none. */
    conditionsOf(streamIds: readonly number[]): Map<number, StreamCondition[]> {
      const conditions = new Map<number, StreamCondition[]>()
      for (const [id, { reason, message, failingSince, generation }] of ofStreams(streamIds)) {
        if (reason === null) continue
        const condition = {
          reason,
          message: message ?? '',
          lastTransitionTime: failingSince ?? 0,
          generation,
        }
        conditions.set(id, [{ type: 'VendorListing', status: 'False', ...condition }])
      }
      return conditions
    },
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
      if (tags.length === 0) return
      db.prepare(
        'update tags set missing_since = null where stream_id = ? and name in (select value from json_each(?))',
      ).run(streamId, JSON.stringify(tags))
    },
  }
}
