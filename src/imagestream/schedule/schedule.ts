import { and, eq, getTableColumns, lte, sql } from 'drizzle-orm'
import { importSchedules } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportRequest } from '../request/import-plan.ts'
import type { ImportRows } from '../request/import-rows.ts'
import type { Import } from '../request/import-state.ts'
import type { ImageStream } from '../spec/spec.ts'
import { createNextStream } from './next-stream.ts'
import { createSourceResults, LONGEST_WAIT, type SourceResultsDependencies } from './source-results.ts'
import { createSpecSchedules, type SpecScheduleDependencies } from './spec-schedules.ts'

/** Schedule of one source: a spec tag, or the repository of a stream. Times are milliseconds since 1970. */
export type Schedule = Omit<typeof importSchedules.$inferSelect, 'id'>

export interface ScheduleDependencies extends SpecScheduleDependencies {
  readonly rows: Pick<ImportRows, 'request'>
  /** 1 for all sources by default. */
  readonly slowdownOf?: SourceResultsDependencies['slowdownOf'] | undefined
}

/** The sources that are imported periodically, and when each is due. All state is in the database. */
export interface Schedules {
  /** Gives each newly scheduled source of the spec a due time, and deletes the schedules of the others. */
  onSpecWritten(tx: Transaction, stream: ImageStream): void
  /**
   * Stores the result of each source that the import covered, and when it is due next. A spec tag failed if it was not
   * imported; the repository failed if it could not be listed, or if none of its tags could be read.
   */
  onFinished(tx: Transaction, stream: ImageStream, finished: Import): void
  /** Returns the schedules of the streams: of each its repository's, then those of its spec tags by name. */
  ofStreams(streamIds: readonly number[]): Schedule[]
  /** Returns the stream that is due first; undefined while too many imports are unfinished. */
  next(): Pick<Schedule, 'streamId' | 'dueAt'> | undefined
  /** Returns the earliest due time; undefined when nothing is scheduled. */
  firstDueAt(): number | undefined
  /** Returns a request for all due sources of the stream, and makes them due again after an interval. */
  take(tx: Transaction, streamId: number): ImportRequest
  /** Moves due times that are too far away into the next interval: the clock was set back. */
  pullIn(tx: Transaction): void
  /** Moves slowed sources of these streams into the next interval: their changes are no longer announced. */
  quicken(tx: Transaction, streamIds: readonly number[]): void
  /** Updates the schedules at the start: an earlier version or setting may have written them. */
  restore(tx: Transaction): void
  /** Calls back after each commit that may have changed which stream is next, until the returned function is called. */
  onChanged(listener: () => void): () => void
}

export function createSchedules(dependencies: ScheduleDependencies): Schedules {
  const { db, rows, now, intervalMs, slowdownOf = () => 1 } = dependencies
  const spec = createSpecSchedules({ db, now, intervalMs })
  const storeResults = createSourceResults({ db, intervalMs, slowdownOf })
  const longest = LONGEST_WAIT * intervalMs
  const { id: _id, ...columns } = getTableColumns(importSchedules)
  const { streamId, tag, dueAt } = columns

  const listeners = new Set<() => void>()
  const notify = (): void => {
    for (const listener of listeners) listener()
  }

  return {
    onSpecWritten(tx, { id }) {
      if (spec.match(tx, id)) tx.afterCommit(notify)
    },

    onFinished(tx, stream, finished) {
      const request = rows.request(finished.id)
      if (request) storeResults(stream, request, { ...finished, finishedAt: finished.finishedAt ?? now() })
      // also without a covered source: the stream may be imported again, and one place is free
      tx.afterCommit(notify)
    },

    ofStreams: (streamIds) =>
      db.orm
        .select(columns)
        .from(importSchedules)
        .where(sql`${streamId} in (select value from json_each(${JSON.stringify(streamIds)}))`)
        .orderBy(streamId, tag)
        .all(),
    next: createNextStream(db),
    firstDueAt: () => db.orm.select({ dueAt }).from(importSchedules).orderBy(dueAt).limit(1).get()?.dueAt,

    take(_tx, id) {
      const at = now()
      const due = db.orm
        .update(importSchedules)
        .set({ dueAt: at + intervalMs })
        .where(and(eq(streamId, id), lte(dueAt, at)))
        .returning({ tag })
        .all()
        .map((row) => row.tag)
      return {
        repository: due.includes(''),
        specTags: due.filter((name): name is TagName => name !== '').sort(),
        repositoryTags: [],
        urgency: 'schedule',
      }
    },

    quicken(tx, streamIds) {
      if (spec.quicken(tx, streamIds)) tx.afterCommit(notify)
    },

    pullIn: (tx) => spec.pullIn(tx, { succeeding: longest, failing: longest }),
    restore(tx) {
      spec.matchAll(tx)
      spec.pullIn(tx, { succeeding: intervalMs, failing: longest })
    },

    onChanged(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
