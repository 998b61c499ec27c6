import { Deadline } from '../../concurrency/abort.ts'
import type { ImportRows } from '../stored-import/import-rows.ts'
import type { Import } from '../stored-import/import-state.ts'
import type { DryRunOutcomes } from './dry-run-outcomes.ts'
import type { ImportRun } from './import-run.ts'
import type { StoredOutcomes } from './stored-outcomes.ts'

/** An import that is in memory: a stored one while it runs, or a dry run. */
export interface LiveImport {
  readonly run: ImportRun
  readonly outcomes: StoredOutcomes | DryRunOutcomes
  /** Aborts a stored import whose stream is deleted. */
  readonly abort?: AbortController
}

/** Milliseconds between two reports of one import's progress to one follower. */
const REPORT_INTERVAL = 100

/** The imports that are in memory, and the listeners to their progress. */
export class LiveImports {
  readonly #rows: Pick<ImportRows, 'byIds'>
  readonly #closing: AbortSignal
  readonly #imports = new Map<number, LiveImport>()
  readonly #listeners = new Map<number, Set<() => void>>()

  constructor(rows: Pick<ImportRows, 'byIds'>, closing: AbortSignal) {
    this.#rows = rows
    this.#closing = closing
  }

  get(id: number): LiveImport | undefined {
    return this.#imports.get(id)
  }

  add(id: number, live: LiveImport): void {
    this.#imports.set(id, live)
  }

  delete(id: number): void {
    this.#imports.delete(id)
    this.changed(id)
  }

  /** Deletes the oldest finished dry runs, except so many. */
  keepDryRuns(count: number): void {
    const finished = [...this.#imports.keys()].filter((id) => id < 0 && this.#isFinished(id))
    for (const id of finished.slice(0, Math.max(0, finished.length - count))) this.#imports.delete(id)
  }

  /** Returns the state of an import, in memory or stored; undefined for an unknown id. */
  current(id: number): Import | undefined {
    return this.#imports.get(id)?.run.snapshot() ?? this.#rows.byIds([id]).get(id)
  }

  /** Calls the listeners of an import. */
  changed(id: number): void {
    for (const listener of this.#listeners.get(id) ?? []) listener()
  }

  /** Returns the import once it is finished, or its state after so many seconds. */
  async wait(id: number, seconds: number): Promise<Import | undefined> {
    if (seconds > 0) {
      using deadline = new Deadline(seconds * 1000, this.#closing)
      await this.#untilChanged(id, deadline.signal, Number.POSITIVE_INFINITY)
    }
    return this.current(id)
  }

  /** Yields the state of the import, and again after each change, until it is finished. */
  follow(id: number): AsyncIterableIterator<Import> {
    const left = new AbortController()
    return endedBy(left, this.#reports(id, AbortSignal.any([this.#closing, left.signal])))
  }

  async *#reports(id: number, signal: AbortSignal): AsyncGenerator<Import, void, undefined> {
    for (let state = this.current(id); state && !signal.aborted; state = this.current(id)) {
      // listens before the yield: a slow reader gets the changes during it next
      const changed = this.#untilChanged(id, signal, REPORT_INTERVAL)
      yield state
      if (state.finishedAt !== null) return
      await changed
    }
  }

  /** Resolves when the import is finished, when the interval after a change is over, or when the signal is aborted. */
  #untilChanged(id: number, signal: AbortSignal, interval: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const listeners = this.#listeners.get(id) ?? new Set()
      const done = (): void => {
        clearTimeout(timer)
        listeners.delete(listener)
        if (listeners.size === 0) this.#listeners.delete(id)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const listener = (): void => {
        if (this.#isFinished(id)) done()
        else if (interval < Number.POSITIVE_INFINITY) timer ??= setTimeout(done, interval)
      }
      this.#listeners.set(id, listeners.add(listener))
      signal.addEventListener('abort', done)
      if (signal.aborted || this.#isFinished(id)) done()
    })
  }

  /** Reports true for an unknown id too. */
  #isFinished(id: number): boolean {
    const found = this.#imports.get(id)?.run ?? this.#rows.byIds([id]).get(id)
    return found?.finishedAt !== null
  }
}

/** Returns an iterator whose `return` aborts: a waiting generator handles its own only after it continues. */
const endedBy = <State>(
  left: AbortController,
  states: AsyncGenerator<State, void, undefined>,
): AsyncIterableIterator<State> => ({
  [Symbol.asyncIterator]() {
    return this
  },
  next: () => states.next(),
  return() {
    left.abort()
    return states.return()
  },
})
