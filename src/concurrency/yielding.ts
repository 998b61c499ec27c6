import { setImmediate } from 'node:timers/promises'

/** Rows that one transaction deletes, or items that are worked on before the event loop gets a turn. */
export const BATCH = 200

/** Lets other callbacks of the event loop run first. Rejects with the signal's reason once it is aborted. */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  await setImmediate()
  signal?.throwIfAborted()
}

/** Works on each item in order, and yields to the event loop after every batch. */
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

/** The list in parts of at most `size` items. */
export function* inBatches<Item>(items: readonly Item[], size = BATCH): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
