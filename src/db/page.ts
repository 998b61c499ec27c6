import { and, asc, desc, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteSelect } from 'drizzle-orm/sqlite-core'
import type { KeysetPage, PageKey } from '../input/page.ts'
import type { Parameter } from './statement.ts'

/** One column of a list's order. */
export interface SortColumn {
  readonly column: string
  readonly descending?: boolean
}

/**
 * Returns parts of the SQL of one page, for a statement of the caller. All columns must ascend or all descend, and together
 * they must be unique.
 */
export function keyset(
  { limit, peek = true, after, before, fromEnd = false }: KeysetPage,
  columns: readonly SortColumn[],
) {
  const names = columns.map(({ column }) => column).join(', ')
  const marks = columns.map(() => '?').join(', ')
  const descending = columns[0]?.descending ?? false
  const [later, earlier] = descending ? ['<', '>'] : ['>', '<']
  const direction = descending === fromEnd ? 'asc' : 'desc'
  return {
    /** Conditions with question marks, for which `keys` has the values. */
    condition: [
      ...(after ? [`(${names}) ${later} (${marks})`] : []),
      ...(before ? [`(${names}) ${earlier} (${marks})`] : []),
    ],
    keys: [...(after ?? []), ...(before ?? [])] as Parameter[],
    orderBy: columns.map(({ column }) => `${column} ${direction}`).join(', '),
    limit: peek ? limit + 1 : limit,
    /** Returns the rows in the order of the list, also when they were read from its end. */
    inOrder: <Row>(rows: Row[]): Row[] => (fromEnd ? rows.reverse() : rows),
  }
}

/** Returns the parts of a Drizzle query of one page; otherwise as `keyset`. The columns ascend unless `descending`. */
export function pageBy(
  columns: readonly SQLiteColumn[],
  { limit, peek = true, after, before, fromEnd = false }: KeysetPage,
  descending = false,
) {
  const isBeyond = (key: PageKey, operator: '<' | '>'): SQL =>
    sql`(${sql.join([...columns], sql`, `)}) ${sql.raw(operator)} (${sql.join(
      key.map((value) => sql`${value}`),
      sql`, `,
    )})`
  const direction = descending === fromEnd ? asc : desc
  return {
    where: and(
      after && isBeyond(after, descending ? '<' : '>'),
      before && isBeyond(before, descending ? '>' : '<'),
    ),
    orderBy: columns.map((column) => direction(column)),
    limit: peek ? limit + 1 : limit,
    inOrder: <Row>(rows: Row[]): Row[] => (fromEnd ? rows.reverse() : rows),
  }
}

/** The order of a list, and which rows it has. */
interface ListOf {
  /** The keys of the page; together they are unique. */
  readonly columns: readonly SQLiteColumn[]
  /** Undefined for all rows. */
  readonly where?: SQL | undefined
  readonly descending?: boolean
}

/** Returns the rows of one page of a query, which has no conditions yet. */
export function rowsOfPage<Query extends SQLiteSelect<string | undefined, 'sync'>>(
  query: Query,
  page: KeysetPage,
  { columns, where, descending }: ListOf,
): Query['_']['result'] {
  const { where: isInPage, orderBy, limit, inOrder } = pageBy(columns, page, descending)
  const rows = query
    .where(and(where, isInPage))
    .orderBy(...orderBy)
    .limit(limit)
    .all()
  return inOrder(rows)
}

/**
 * Returns the SQL of the same page of several owners, for example of the tags of each stream or the events of each tag.
 * With `among` only the rows with these ids are considered, which must belong to the owners.
 */
export function pageOfEach(
  page: KeysetPage,
  columns: readonly SortColumn[],
  {
    table,
    owner,
    where = [],
    values = [],
    among,
    id = 'id',
  }: {
    table: string
    owner: string
    where?: readonly string[]
    values?: readonly Parameter[]
    among?: readonly number[] | undefined
    /** The column that identifies a row; `rowid` of a table with a key of several columns. */
    id?: 'id' | 'rowid'
  },
) {
  const { condition, keys, orderBy, limit, inOrder } = keyset(page, columns)
  // an owner's rows: all of them, or those of `among`
  const [owners, ofOwner] = among
    ? [
        `(select json_group_array(id) as value from ${table}
          where id in (select value from json_each(?)) group by ${owner})`,
        'id in (select value from json_each(o.value))',
      ]
    : ['json_each(?)', `${owner} = o.value`]
  const wanted = [ofOwner, ...condition, ...where].join(' and ')
  return {
    /** The `from` clause: the rows of all pages, with the alias `t`. */
    from: `${owners} o join ${table} t on t.${id} in
      (select ${id} from ${table} where ${wanted} order by ${orderBy} limit ?)`,
    orderBy: orderBy.replace(/\w+ (?:asc|desc)/g, 't.$&'),
    parameters: (ownerIds: readonly number[]): Parameter[] => [
      JSON.stringify(among ?? ownerIds),
      ...keys,
      ...values,
      limit,
    ],
    inOrder,
  }
}
