import { and, eq, getTableColumns, lte } from 'drizzle-orm'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/statement.ts'
import { importSchedules } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import { RUNNING_IMPORTS, RUNNING_OF_REGISTRY } from '../import/import.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportRequest } from '../stored-import/import-plan.ts'
import type { Import } from '../stored-import/import-state.ts'
import { countsByOwner, pageOfOwners } from '../tag/owned-rows.ts'
import { createSourceResults, LONGEST_WAIT } from './source-results.ts'
import { createSpecSchedules, type ScheduleDependencies } from './spec-schedules.ts'

/** Schedule of one source: a spec tag, or the repository of a stream. Times are milliseconds since 1970. */
export type Schedule = Omit<typeof importSchedules.$inferSelect, 'id'>

const OF_STREAM = { table: 'import_schedules', owner: 'stream_id' } as const
const COLUMNS = columnsOf(importSchedules, 't', ['id'])

/** The sources that are imported periodically, and when each is due. All state is in the database. */
export type Schedules = ReturnType<typeof createSchedules>

export function createSchedules(dependencies: ScheduleDependencies) {
  const { db, rows, now, intervalMs } = dependencies
  const spec = createSpecSchedules(dependencies)
  const storeResults = createSourceResults(dependencies)
  const longest = LONGEST_WAIT * intervalMs
  const { id: _id, ...columns } = getTableColumns(importSchedules)
  const { streamId, tag, dueAt } = columns

  const listeners = new Set<() => void>()
  const notify = (): void => {
    for (const listener of listeners) listener()
  }

  return {
    /** Gives each newly scheduled source of the spec a due time, and deletes the schedules of the others. */
    onSpecWritten(tx: Transaction, { id }: ImageStream, tags: readonly TagName[]): void {
      if (spec.match(tx, id, tags)) tx.afterCommit(notify)
    },

    /**
     * Stores the result of each source that the import covered, and when it is due next. A spec tag failed if it was not
     * imported; the repository failed if it could not be listed, or if none of its tags could be read.
     */
    onFinished(tx: Transaction, stream: ImageStream, finished: Import): void {
      const request = rows.request(finished.id)
      if (request) storeResults(stream, request, { ...finished, finishedAt: finished.finishedAt ?? now() })
      // also without a covered source: the stream may be imported again, and one place is free
      tx.afterCommit(notify)
    },

    /** Returns the schedules of the streams: of each its repository's, then those of its spec tags by name. */
    ofStreams: (streamIds: readonly number[]): Schedule[] =>
      db.orm
        .select(columns)
        .from(importSchedules)
        .where(isOneOf(streamId, streamIds))
        .orderBy(streamId, tag)
        .all(),
    /** Returns a page of each stream's schedules, in the same order; its keys are [tag]. */
    pages: (streamIds: readonly number[], page: KeysetPage): Schedule[] =>
      pageOfOwners(db, { ...OF_STREAM, columns: COLUMNS, order: [{ column: 'tag' }] }, streamIds, page),
    countOfStreams: (streamIds: readonly number[]): Map<number, number> =>
      countsByOwner(db, OF_STREAM, streamIds),
    /** Returns the stream that is due first; undefined while too many imports are unfinished. */
    next: createNextStream(db),
    /** Returns the earliest due time; undefined when nothing is scheduled. */
    firstDueAt: (): number | undefined =>
      db.orm.select({ dueAt }).from(importSchedules).orderBy(dueAt).limit(1).get()?.dueAt,

    /** Returns a request for all due sources of the stream, and makes them due again after an interval. */
    take(_tx: Transaction, id: number): ImportRequest {
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

    /** Makes the due sources of the stream wait until this time, at most for an interval. */
    postpone(_tx: Transaction, id: number, until: number): void {
      db.orm
        .update(importSchedules)
        .set({ dueAt: Math.min(until, now() + intervalMs) })
        .where(and(eq(streamId, id), lte(dueAt, now())))
        .run()
    },

    /** Moves slowed sources of these streams into the next interval: their changes are no longer announced. */
    quicken(tx: Transaction, streamIds: readonly number[]): void {
      if (spec.quicken(tx, streamIds)) tx.afterCommit(notify)
    },

    /** Moves due times that are too far away into the next interval: the clock was set back. */
    pullIn: (tx: Transaction): void => spec.pullIn(tx, { succeeding: longest, failing: longest }),
    /** Updates the schedules at the start: an earlier version or setting may have written them. */
    restore(tx: Transaction): void {
      spec.matchAll(tx)
      spec.pullIn(tx, { succeeding: intervalMs, failing: longest })
    },

    /** Calls back after each commit that may have changed which stream is next, until the returned function is called. */
    onChanged(listener: () => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/**
 * Number of unfinished imports at which no scheduled import starts: the other half is for imports that clients request.
 * Of one registry no more count than may run, so that a slow registry does not block the others.
 */
export const PLACES = RUNNING_IMPORTS / 2
/** The same for the imports of one registry. */
export const PLACES_OF_REGISTRY = RUNNING_OF_REGISTRY / 2

/** The registry of the stream `r`; null where only its spec tags name registries. */
const REGISTRY = `substr(r.docker_image_repository, 1, instr(r.docker_image_repository, '/'))`

/**
 * Returns a function that returns the stream that is due first, of those that may be imported; undefined while too many
 * imports are unfinished. Prepared: it runs after every commit that changes a schedule or ends an import.
 */
function createNextStream(db: Database) {
  const next = db.prepare<Pick<Schedule, 'streamId' | 'dueAt'> & Pick<ImageStream, 'namespace'>>(`
    with unfinished as (
      select ${REGISTRY} as registry, count(*) as imports
      from imports i join image_streams r on r.id = i.stream_id
      where i.finished_at is null group by coalesce(${REGISTRY}, i.id))
    select s.stream_id as streamId, s.due_at as dueAt, r.namespace
    from import_schedules s join image_streams r on r.id = s.stream_id
    where s.stream_id not in (select coalesce(stream_id, 0) from imports where finished_at is null)
      and coalesce(${REGISTRY}, '') not in (
        select registry from unfinished where registry is not null and imports >= ${PLACES_OF_REGISTRY})
    order by s.due_at
    limit (select coalesce(sum(min(imports, ${RUNNING_OF_REGISTRY})), 0) < ${PLACES} from unfinished)`)
  return () => next.get()
}
