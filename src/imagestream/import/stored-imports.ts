import type { Transaction } from '../../db/transact.ts'
import { type ImportRequest, planImport } from '../request/import-plan.ts'
import type { Import } from '../request/import-state.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { RepositoryCheckDependencies } from '../watch/repository-check.ts'
import { WatchedRepository } from '../watch/watched-repository.ts'
import { type ImportQueue, registryOf } from './import-queue.ts'
import { ImportRun, type ImportTools } from './import-run.ts'
import type { LiveImports } from './live-imports.ts'
import type { OutcomeStores } from './record-target.ts'
import { StoredOutcomes } from './stored-outcomes.ts'

export interface StoredImportsDependencies extends ImportTools, RepositoryCheckDependencies, OutcomeStores {
  readonly live: LiveImports
  readonly queue: ImportQueue<number>
  readonly closing: AbortSignal
}

/** Runs stored imports, one at a time for each stream. A restart continues unfinished ones. */
export class StoredImports {
  readonly #dependencies: StoredImportsDependencies

  constructor(dependencies: StoredImportsDependencies) {
    this.#dependencies = dependencies
  }

  /** Adds an import that starts after the commit, or returns the id of an equal one that waits. */
  add(tx: Transaction, streamId: number, request: ImportRequest): number {
    const { id, isNew } = this.#dependencies.rows.add(tx, streamId, request)
    if (isNew) tx.afterCommit(() => this.#enqueue(id, streamId))
    return id
  }

  /** Queues the imports that a previous process has not finished. */
  resume(): void {
    for (const { id, streamId } of this.#dependencies.rows.unfinished()) this.#enqueue(id, streamId)
  }

  /** Ends the imports of a stream that is being deleted. */
  endOfStream(tx: Transaction, streamId: number): void {
    const { rows, live, now } = this.#dependencies
    const ended = rows.endOfStream(tx, streamId, now())
    tx.afterCommit(() => {
      for (const id of ended) {
        live.get(id)?.abort?.abort()
        live.delete(id)
      }
    })
  }

  #enqueue(id: number, streamId: number): void {
    const { streams, queue } = this.#dependencies
    const stream = streams.byIds([streamId]).get(streamId)
    const group = stream ? registryOf(stream, () => streams.specTags([streamId])) : ''
    queue.add({ key: streamId, group }, () => this.#run(id, streamId))
  }

  async #run(id: number, streamId: number): Promise<void> {
    const { db, rows, streams, live, closing, now } = this.#dependencies
    const stream = streams.byIds([streamId]).get(streamId)
    const request = rows.request(id)
    if (!stream || !request || closing.aborted) return
    const { run, abort } = this.#enter(id, stream, request)
    try {
      db.transact((tx) => rows.start(tx, id, now()))
      const plan = planImport(stream, streams.specTags([streamId]), request)
      await run.run(plan, AbortSignal.any([abort.signal, closing]))
    } catch (error) {
      // the deletion of a stream has ended its imports; the next start continues those that a stop interrupts
      if (!abort.signal.aborted && !closing.aborted) this.#giveUp(id, stream, error)
    } finally {
      live.delete(id)
    }
  }

  #enter(id: number, stream: ImageStream, request: ImportRequest) {
    const { live } = this.#dependencies
    const outcomes = new StoredOutcomes(this.#dependencies, { id, stream })
    const { alreadyImported } = outcomes
    const checked = { importId: id, stream, request, alreadyImported }
    const run = new ImportRun(this.#dependencies, {
      subject: { id, streamId: stream.id, namespace: stream.namespace },
      outcomes,
      checkOf: (repository) => new WatchedRepository(this.#dependencies, checked, repository),
      onProgress: () => live.changed(id),
    })
    const entered = { run, outcomes, abort: new AbortController() }
    live.add(id, entered)
    return entered
  }

  /** Fails an import after an internal error. */
  #giveUp(id: number, stream: ImageStream, error: unknown): void {
    const { db, rows, live, now, onFinished, onInternalError } = this.#dependencies
    onInternalError(error, id)
    const current = live.current(id)
    if (!current) return
    const failed: Import = {
      ...current,
      state: 'FAILED',
      finishedAt: now(),
      reason: 'InternalError',
      message: "internal error: see the server's log",
    }
    try {
      db.transact((tx) => {
        rows.finish(tx, failed, { unchangedEvents: [], reindexedEvents: new Map() })
        onFinished?.(tx, stream, failed)
      })
    } catch (writeError) {
      onInternalError(writeError, id)
    }
  }
}
