import type { KeysetPage } from '../input/page.ts'
import type { Parameter } from './statement.ts'

export interface SortColumn {
  readonly column: string
  readonly descending?: boolean
}

export interface KeysetSql {
  readonly condition: readonly string[]
  readonly keys: Parameter[]
  readonly orderBy: string
  readonly limit: number
  /** Puts rows that were read from the end back into the list's order. */
  readonly inOrder: <Row>(rows: Row[]) => Row[]
}

/** SQL of one page. All columns ascend or all descend, and together they are unique. */
export function keyset(
  { limit, peek = true, after, before, fromEnd = false }: KeysetPage,
  columns: readonly SortColumn[],
): KeysetSql {
  const names = columns.map(({ column }) => column).join(', ')
  const marks = columns.map(() => '?').join(', ')
  const descending = columns[0]?.descending ?? false
  const [later, earlier] = descending ? ['<', '>'] : ['>', '<']
  const direction = descending === fromEnd ? 'asc' : 'desc'
  return {
    condition: [
      ...(after ? [`(${names}) ${later} (${marks})`] : []),
      ...(before ? [`(${names}) ${earlier} (${marks})`] : []),
    ],
    keys: [...(after ?? []), ...(before ?? [])],
    orderBy: columns.map(({ column }) => `${column} ${direction}`).join(', '),
    limit: peek ? limit + 1 : limit,
    inOrder: (rows) => (fromEnd ? rows.reverse() : rows),
  }
}

export interface PageOfEachSql {
  /** `… t`: the rows of every owner's page. */
  readonly from: string
  readonly orderBy: string
  readonly parameters: (owners: readonly number[]) => Parameter[]
  readonly inOrder: KeysetSql['inOrder']
}

/**
 * SQL of the same page of many owners at once: of the tags of each stream, of the events of each tag. With `among` only
 * rows with these ids are looked at, which must be those owners'.
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
  }: {
    table: string
    owner: string
    where?: readonly string[]
    values?: readonly Parameter[]
    among?: readonly number[] | undefined
  },
): PageOfEachSql {
  const { condition, keys, orderBy, limit, inOrder } = keyset(page, columns)
  // the rows of an owner: all of them, or his part of those among which they are
  const [owners, ofOwner] = among
    ? [
        `(select json_group_array(id) as value from ${table}
          where id in (select value from json_each(?)) group by ${owner})`,
        'id in (select value from json_each(o.value))',
      ]
    : ['json_each(?)', `${owner} = o.value`]
  const wanted = [ofOwner, ...condition, ...where].join(' and ')
  return {
    from: `${owners} o join ${table} t on t.id in
      (select id from ${table} where ${wanted} order by ${orderBy} limit ?)`,
    orderBy: orderBy.replace(/\w+ (?:asc|desc)/g, 't.$&'),
    parameters: (ownerIds) => [JSON.stringify(among ?? ownerIds), ...keys, ...values, limit],
    inOrder,
  }
}
