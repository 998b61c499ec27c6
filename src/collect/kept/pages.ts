import { yieldToEventLoop } from '../../concurrency/yielding.ts'

/** Rows that one statement reads: about a millisecond. */
export const PAGE = 1_000

/**
 * Yields a table in pages, without an empty one. `read` returns the rows that come after a key, from the first row for
 * undefined. Lets other callbacks of the event loop run after each page. Throws the signal's reason once it is aborted.
 */
export async function* pagesOf<Row extends object, Key extends keyof Row>(
  key: Key,
  read: (after: Row[Key] | undefined) => readonly Row[],
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  for (let after: Row[Key] | undefined; ; ) {
    const rows = read(after)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = last[key]
    await yieldToEventLoop(signal)
  }
}
