import { turnToRead } from '../concurrency/yielding.ts'
import type { KeysetPage, PageKey } from '../input/page.ts'
import type { Database } from './open.ts'
import { keyset, type SortColumn } from './page.ts'
import type { Sql } from './search.ts'

/** Rows that an index has in the order of a page. */
export interface OrderedRows {
  /** The table with its index: `image_streams s indexed by image_streams_by_name`. */
  readonly from: string
  /** Conditions that select a range of the index. */
  readonly where: readonly Sql[]
  readonly columns: readonly SortColumn[]
  /** Returns further conditions that bound a page, in tables that are read before those of the columns. */
  readonly bounds?: (page: KeysetPage) => readonly Sql[]
}

/** Conditions that are checked in the time of about two milliseconds, each on one row. */
const PROBES_A_TURN = 2_000

/** Rows of the first part of a short page, which is enough where most rows meet the conditions. */
const FIRST_ROWS = 100

/**
 * Yields pages that together are the page, in its order of reading, each of a bounded number of rows: a statement that checks
 * further conditions on each row of one page is bounded too, and other work runs before the next. `probes` is the number of
 * these conditions. The limit of each page is the limit of the whole. Throws the signal's reason once it is aborted.
 */
export async function* windowsOf(
  db: Database,
  { from, where, columns, bounds = () => [] }: OrderedRows,
  { page, probes, signal }: { page: KeysetPage; probes: number; signal?: AbortSignal | undefined },
): AsyncGenerator<KeysetPage> {
  const most = Math.ceil(PROBES_A_TURN / (1 + probes))
  let size = page.limit > 0 ? Math.min(most, Math.max(FIRST_ROWS, 2 * page.limit)) : most
  const names = columns.map(({ column }) => column).join(', ')
  for (let rest = page; ; ) {
    await turnToRead(signal)
    const { condition, keys, orderBy } = keyset(rest, columns)
    const range = [...where, ...bounds(rest)]
    const conditions = [...range.map(({ text }) => text), ...condition]
    const edge = db.prepare(
      `select ${names} from ${from} ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
       order by ${orderBy} limit 2 offset ?`,
    )
    const [last, next] = edge.tuples(...range.flatMap(({ values }) => values), ...keys, size - 1) as PageKey[]
    if (!last || !next) {
      yield rest
      return
    }
    yield page.fromEnd ? { ...rest, after: next } : { ...rest, before: next }
    rest = page.fromEnd ? { ...rest, before: last } : { ...rest, after: last }
    size = Math.min(most, 4 * size)
  }
}
