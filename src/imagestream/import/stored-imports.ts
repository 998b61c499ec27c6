import { SYSTEM } from '../../access/right/viewer.ts'
import { systemTimer } from '../../concurrency/clock.ts'
import type { Transaction } from '../../db/transact.ts'
import { storageFailure } from '../../input/storage-failure.ts'
import { type ImageStream, registryOf } from '../spec/spec.ts'
import { type ImportRequest, planImport, specTagsFor } from '../stored-import/import-plan.ts'
import type { Import } from '../stored-import/import-state.ts'
import { WatchedRepository } from '../watch/watched-repository.ts'
import type { ImportContext } from './import-context.ts'
import type { ImportQueue } from './import-queue.ts'
import { ImportRun } from './import-run.ts'
import type { LiveImports } from './live-imports.ts'
import { createRepositoryRecorder } from './repository-recorder.ts'
import { StoredOutcomes } from './stored-outcomes.ts'

/** Milliseconds after which an import continues whose results could not be stored. */
const STORAGE_RETRY_DELAY = 5_000

/**
 * Creates the runs of stored imports, one at a time for each stream. A restart continues unfinished ones, and so does the
 * end of a full or read-only storage.
 */
export function createStoredImports(context: ImportContext, live: LiveImports, queue: ImportQueue<number>) {
  const { db, rows, streams, closing, now, onFinished, onInternalError, setTimer = systemTimer } = context
  const recordRepository = createRepositoryRecorder(context)

  const enqueue = (id: number, streamId: number): void => {
    const stream = streams.byIds(SYSTEM, [streamId]).get(streamId)
    const request = rows.request(id)
    const group = stream && request ? registryOf(stream, () => specTagsFor(streams, streamId, request)) : ''
    queue.add({ key: streamId, group }, () => run(id, streamId))
  }

  const run = async (id: number, streamId: number): Promise<void> => {
    const stream = streams.byIds(SYSTEM, [streamId]).get(streamId)
    const request = rows.request(id)
    if (!stream || !request || closing.aborted) return
    const entered = enter(id, stream, request)
    const { signal } = entered.abort
    try {
      db.transact((tx) => rows.start(tx, id, now()))
      const plan = planImport(stream, specTagsFor(streams, streamId, request), request)
      await entered.run.run(plan, AbortSignal.any([signal, closing]))
    } catch (error) {
      // the deletion of a stream has ended its imports; the next start continues those that a stop interrupts
      if (!signal.aborted && !closing.aborted && !giveUp(id, stream, error)) retryLater(id, streamId)
    } finally {
      live.delete(id)
    }
  }

  const retryLater = (id: number, streamId: number): void => {
    setTimer(() => {
      if (!closing.aborted) enqueue(id, streamId)
    }, STORAGE_RETRY_DELAY)
  }

  const enter = (id: number, stream: ImageStream, request: ImportRequest) => {
    const outcomes = new StoredOutcomes(context, id, stream)
    const { alreadyImported } = outcomes
    const checked = { importId: id, stream, request, alreadyImported }
    const importRun = new ImportRun(context, {
      subject: { id, streamId: stream.id, namespace: stream.namespace },
      outcomes,
      checkOf: (repository) => new WatchedRepository(context, checked, repository),
      onProgress: () => live.changed(id),
    })
    const entered = { run: importRun, outcomes, abort: new AbortController() }
    live.add(id, entered)
    return entered
  }

  /** Fails an import after an internal error. Reports whether the import has ended: not while nothing can be stored. */
  const giveUp = (id: number, stream: ImageStream, error: unknown): boolean => {
    onInternalError(error, id)
    if (storageFailure(error)) return false
    const current = live.current(id)
    if (!current) return true
    const at = now()
    const failure = { reason: 'InternalError', message: "internal error: see the server's log" } as const
    const failed: Import = { ...current, state: 'FAILED', finishedAt: at, ...failure }
    try {
      db.transact((tx) => {
        rows.finish(tx, failed, { unchangedEvents: [], reindexedEvents: new Map() })
        recordRepository(tx, stream, { importId: id, failure, at })
        onFinished?.(tx, stream, failed)
      })
      return true
    } catch (writeError) {
      onInternalError(writeError, id)
      return false
    }
  }

  return {
    /**
     * Adds an import that starts after the commit. If an equal one waits, that one gets the higher urgency of the two
     * instead. Returns its id.
     */
    request(tx: Transaction, streamId: number, request: ImportRequest): number {
      const { id, isNew } = rows.add(tx, streamId, request)
      if (isNew) tx.afterCommit(() => enqueue(id, streamId))
      return id
    },
    /** Continues the imports that a previous process has not finished. */
    resume(): void {
      for (const { id, streamId } of rows.unfinished()) enqueue(id, streamId)
    },
    /** Ends the imports of a stream that is being deleted. */
    endOfStream(tx: Transaction, streamId: number): void {
      const ended = rows.endOfStream(tx, streamId, now())
      tx.afterCommit(() => {
        for (const id of ended) {
          live.get(id)?.abort?.abort()
          live.delete(id)
        }
      })
    },
  }
}
