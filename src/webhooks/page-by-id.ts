import { asc, desc, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { KeysetPage } from '../input/page.ts'

/** One page of a list that is sorted by id, as parts of a Drizzle query. */
export interface PageById {
  /** `true` where the page has no bounds. */
  readonly condition: SQL
  readonly orderBy: SQL
  readonly limit: number
  /** Returns rows that were read from the end in the list's order. */
  readonly inOrder: <Row>(rows: Row[]) => Row[]
}

/** Returns the query parts of a page whose keys are [id]. */
export function pageById(
  id: SQLiteColumn,
  { limit, peek = true, after, before, fromEnd = false }: KeysetPage,
  order: 'newest first' | 'oldest first',
): PageById {
  const isDescending = order === 'newest first'
  const [later, earlier] = isDescending ? [lt, gt] : [gt, lt]
  const bounds = [
    sql`true`,
    ...(after ? [later(id, after[0])] : []),
    ...(before ? [earlier(id, before[0])] : []),
  ]
  return {
    condition: sql.join(bounds, sql` and `),
    orderBy: isDescending === fromEnd ? asc(id) : desc(id),
    limit: peek ? limit + 1 : limit,
    inOrder: (rows) => (fromEnd ? rows.reverse() : rows),
  }
}
