import { setImmediate } from 'node:timers/promises'

/** Rows of one deleting transaction. */
export const BATCH = 200
/** Rows that one statement passes over: a millisecond or so. */
export const PAGE = 1_000

/** Lets everybody else have a turn of the event loop. Throws the signal's reason when the work is to stop. */
export async function giveWay(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate()
  signal?.throwIfAborted()
}

/** The list in parts of at most `size`. */
export function* inBatches<Item>(items: readonly Item[], size = BATCH): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
