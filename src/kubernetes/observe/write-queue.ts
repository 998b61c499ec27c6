import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'

type Write = (tx: Transaction) => void

/** Milliseconds for which writes are gathered: a rollout changes many pods. */
const DELAY = 50
/** Writes of one transaction. */
const TOGETHER = 100

/** Writes that commit together, a little later, in the order in which they were added. */
export class WriteQueue {
  readonly #db: Database
  readonly #onError: (error: unknown) => void
  #waiting: Write[] = []
  #running: Promise<void> | undefined

  constructor(db: Database, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
  }

  add(write: Write): void {
    this.#waiting.push(write)
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // added between the last batch and now
      if (this.#waiting.length > 0) this.add(() => {})
    })
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DELAY))
    const taken = this.#waiting
    this.#waiting = []
    for (const some of inBatches(taken, TOGETHER)) {
      if (!this.#db.isOpen()) return
      try {
        this.#db.transact((tx) => {
          for (const write of some) write(tx)
        })
      } catch (error) {
        this.#onError(error)
      }
      await yieldToEventLoop()
    }
  }
}
