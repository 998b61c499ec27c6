import { setImmediate as nextIteration } from 'node:timers/promises'
import { workOf } from './thread-work.ts'

/** Rows that one transaction deletes, or items that are processed between two yields to the event loop. */
export const BATCH = 200

/** Lets other callbacks of the event loop run first. Rejects with the signal's reason once it is aborted. */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  await nextIteration()
  signal?.throwIfAborted()
}

/** Works on the items in order, and yields to the event loop after each batch. Rejects with the signal's reason once aborted. */
export async function forEachYielding<Item>(
  items: Iterable<Item>,
  signal: AbortSignal,
  work: (item: Item) => void,
): Promise<void> {
  let worked = 0
  for (const item of items) {
    work(item)
    if (++worked % BATCH === 0) await yieldToEventLoop(signal)
  }
}

/** Yields the list in parts of at most `size` items. */
export function* inBatches<Item>(items: readonly Item[], size = BATCH): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

/**
 * Gives one turn in each iteration of the event loop, however many callers wait: between two turns other events are
 * handled. `setImmediate` alone would run all of them in one iteration.
 */
class Turns {
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  /** Calls back in a later iteration. */
  later(callback: () => void): void {
    this.#waiting.push(callback)
    if (!this.#isTaken) this.#take()
  }

  /** Resolves at once when this iteration's turn is free. */
  next(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.later(resolve))
    this.#take()
    return Promise.resolve()
  }

  #take(): void {
    this.#isTaken = true
    setImmediate(() => {
      this.#isTaken = false
      const callback = this.#waiting.shift()
      if (!callback) return
      this.#take()
      callback()
    })
  }
}

const pieces = new Turns()
const reads = new Turns()

/** Calls back in a later iteration of the event loop, one callback in each iteration. */
export const inOwnIteration = (callback: () => void): void => pieces.later(callback)

/**
 * Waits for the turn to read a bounded part of a long list: about a millisecond's worth of rows. With the signal of an
 * operation's work this is a turn of the work. For all other readers together there is one turn in each iteration of the
 * event loop; when it is free, the caller has it at once. Rejects with the signal's reason once it is aborted.
 */
export async function turnToRead(signal?: AbortSignal): Promise<void> {
  const work = workOf(signal)
  if (work) return work.nextTurn()
  await reads.next()
  signal?.throwIfAborted()
}
