import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { storageFailure } from '../../input/storage-failure.ts'

/** Writes what its subject is at that time; it may be called again after its transaction failed. */
type Write = (tx: Transaction) => void

/** Milliseconds for which writes are gathered: a rollout changes many pods. */
const DELAY = 50
/** Writes of one transaction. */
const TOGETHER = 100
/** Milliseconds before writes that failed are made again; doubled after each further failure, up to the longest. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

/**
 * Writes that commit together, a little later, in the order in which they were added. Those that fail, on a full disk for example, are
 * made again until they succeed; meanwhile the newest write about a subject takes the place of an earlier one.
 */
export class WriteQueue {
  readonly #db: Database
  readonly #onError: (error: unknown) => void
  readonly #waiting = new Map<string, Write>()
  #failures = 0
  #isRunning = false

  constructor(db: Database, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
  }

  /** Number of writes that have not been made. */
  get size(): number {
    return this.#waiting.size
  }

  /** Adds a write; `subject` names what it is about. */
  add(subject: string, write: Write): void {
    // behind writes about other subjects that came before
    this.#waiting.delete(subject)
    this.#waiting.set(subject, write)
    if (!this.#isRunning) this.#schedule(DELAY)
  }

  #schedule(delay: number): void {
    this.#isRunning = true
    setTimeout(() => void this.#run(), delay).unref()
  }

  async #run(): Promise<void> {
    for (const some of inBatches([...this.#waiting], TOGETHER)) {
      if (!this.#db.isOpen()) return
      try {
        this.#make(some)
      } catch (error) {
        this.#onError(error)
        this.#schedule(Math.min(FIRST_PAUSE * 2 ** this.#failures++, LONGEST_PAUSE))
        return
      }
      this.#failures = 0
      // a write about the same subject may have been added by the batch
      for (const [subject, write] of some) {
        if (this.#waiting.get(subject) === write) this.#waiting.delete(subject)
      }
      await yieldToEventLoop()
    }
    this.#isRunning = false
    if (this.#waiting.size > 0) this.#schedule(DELAY)
  }

  /** Makes writes together. One that fails for itself is reported, and left out. Throws when the disk accepts no writes. */
  #make(writes: readonly (readonly [string, Write])[]): void {
    try {
      this.#db.transact((tx) => {
        for (const [, write] of writes) write(tx)
      })
    } catch (error) {
      if (storageFailure(error)) throw error
      if (writes.length === 1) this.#onError(error)
      else for (const write of writes) this.#make([write])
    }
  }
}
