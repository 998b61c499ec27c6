import { yieldToEventLoop } from '../../concurrency/yielding.ts'

/** Rows that one statement reads: about a millisecond. */
export const PAGE = 1_000

export interface Paging<Row, Key> {
  readonly first: Key
  /** Reads the rows that come after the key; none at the end. */
  readonly read: (after: Key) => readonly Row[]
  readonly keyOf: (row: Row) => Key
}

/**
 * Yields a table in pages, without an empty one. Lets other callbacks of the event loop run after each page. Throws the
 * signal's reason once it is aborted.
 */
export async function* pagesOf<Row, Key>(
  { first, read, keyOf }: Paging<Row, Key>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Row[]> {
  for (let after = first; ; ) {
    const rows = read(after)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = keyOf(last)
    await yieldToEventLoop(signal)
  }
}
