import { Deadline } from '../../concurrency/abort.ts'
import type { Import } from '../request/import-state.ts'
import type { LiveImports } from './live-imports.ts'

/** Milliseconds between two reports of one import's progress to one follower. */
const REPORT_INTERVAL = 100

/** Waits for the progress of imports. */
export class ImportProgress {
  readonly #live: LiveImports
  readonly #closing: AbortSignal

  constructor(live: LiveImports, closing: AbortSignal) {
    this.#live = live
    this.#closing = closing
  }

  /** Returns the import once it is finished, or its state after so many seconds. */
  async wait(id: number, seconds: number): Promise<Import | undefined> {
    if (seconds > 0) {
      using deadline = new Deadline(seconds * 1000, this.#closing)
      await this.#changed(id, deadline.signal, Number.POSITIVE_INFINITY)
    }
    return this.#live.current(id)
  }

  /** Yields the state of the import, and again after each change, until it is finished. */
  follow(id: number): AsyncIterableIterator<Import> {
    const left = new AbortController()
    const reports = this.#reports(id, AbortSignal.any([this.#closing, left.signal]))
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => reports.next(),
      // a waiting generator handles `return` only after it continues
      return() {
        left.abort()
        return reports.return()
      },
    }
  }

  async *#reports(id: number, signal: AbortSignal): AsyncGenerator<Import, void, undefined> {
    for (let state = this.#live.current(id); state && !signal.aborted; state = this.#live.current(id)) {
      // listens before the yield: a slow reader gets the changes during it next
      const changed = this.#changed(id, signal, REPORT_INTERVAL)
      yield state
      if (state.finishedAt !== null) return
      await changed
    }
  }

  /** Resolves when the import is finished, when the interval after a change is over, or when the signal is aborted. */
  #changed(id: number, signal: AbortSignal, interval: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const done = (): void => {
        clearTimeout(timer)
        stopListening()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const stopListening = this.#live.onChanged(id, () => {
        if (this.#live.isFinished(id)) done()
        else if (interval < Number.POSITIVE_INFINITY) timer ??= setTimeout(done, interval)
      })
      signal.addEventListener('abort', done)
      if (signal.aborted || this.#live.isFinished(id)) done()
    })
  }
}
