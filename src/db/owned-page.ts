import { and, count, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { KeysetPage } from '../input/page.ts'
import { isOneOf } from './one-of.ts'
import type { Database } from './open.ts'
import { pageBy } from './page.ts'

interface OwnedPage {
  readonly ids: readonly number[]
  readonly page: KeysetPage
  readonly where?: SQL | undefined
  readonly descending?: boolean
}

/** Returns the parts of a Drizzle query of the same page of each owner, in one statement; its keys are [id]. */
export function pageOfOwners(
  owner: SQLiteColumn,
  id: SQLiteColumn,
  { ids, page, where, descending = false }: OwnedPage,
) {
  const { where: isInPage, orderBy, limit, inOrder } = pageBy([id], page, descending)
  const isOfPage = and(sql`${owner} = owner.value`, where, isInPage)
  const ofOne = sql`select ${id} from ${id.table} where ${isOfPage} order by ${sql.join(orderBy, sql`, `)} limit ${limit}`
  const ofEach = sql`select each.id from json_each(${JSON.stringify(ids)}) owner
    join ${id.table} each on each.id in (${ofOne})`
  return { isOfEach: sql`${id} in (${ofEach})`, orderBy, inOrder }
}

/** Returns the number of rows by owner, without the owners that have none. */
export function countByOwner(
  orm: Database['orm'],
  owner: SQLiteColumn,
  ownerIds: readonly number[],
  where?: SQL,
): Map<number, number> {
  const ownerId = sql<number>`${owner}`
  const rows = orm
    .select({ ownerId, total: count() })
    .from(owner.table)
    .where(and(isOneOf(owner, ownerIds), where))
    .groupBy(owner)
    .all()
  return new Map(rows.map((row) => [row.ownerId, row.total]))
}
