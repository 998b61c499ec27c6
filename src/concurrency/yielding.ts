import { setImmediate as nextIteration } from 'node:timers/promises'

/** Rows that one transaction deletes, or items that are processed between two yields to the event loop. */
export const BATCH = 200

/** Lets other callbacks of the event loop run first. Rejects with the signal's reason once it is aborted. */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  await nextIteration()
  signal?.throwIfAborted()
}

/** Works on each item in order, and yields to the event loop after each batch. Rejects with the signal's reason once it is aborted. */
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

const callbacks: (() => void)[] = []

/**
 * Calls back in a later iteration of the event loop, one callback in each iteration: between two callbacks other events
 * are handled, however many callbacks wait. `setImmediate` alone would run all of them in one iteration.
 */
export function inOwnIteration(callback: () => void): void {
  if (callbacks.push(callback) === 1) setImmediate(callNext)
}

function callNext(): void {
  const callback = callbacks.shift()
  if (callbacks.length > 0) setImmediate(callNext)
  callback?.()
}
