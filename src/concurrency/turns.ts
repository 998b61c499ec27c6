import { setImmediate } from 'node:timers/promises'

/** Rows that one transaction deletes, or one statement passes over. */
export const BATCH = 200

/** Lets everybody else have a turn of the event loop. Throws the signal's reason when the work is to stop. */
export async function giveWay(signal: AbortSignal): Promise<void> {
  await setImmediate()
  signal.throwIfAborted()
}

/** Works on each, and gives way after every batch. */
export async function eachInTurns<Item>(
  items: Iterable<Item>,
  signal: AbortSignal,
  work: (item: Item) => void,
): Promise<void> {
  let worked = 0
  for (const item of items) {
    work(item)
    if (++worked % BATCH === 0) await giveWay(signal)
  }
}
