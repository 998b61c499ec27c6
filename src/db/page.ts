import type { Parameter } from './statement.ts'

/** Values of the sort columns of one row: where a page begins or ends. */
export type Key = readonly Parameter[]

/** Part of an ordered list, by keys: never by counting rows from the start. */
export interface KeysetPage {
  readonly limit: number
  /** Reads one row more than the limit, where there is one, to tell whether the list goes on. True unless given. */
  readonly peek?: boolean
  /** Only rows that come after this key. */
  readonly after?: Key | undefined
  /** Only rows that come before this key. */
  readonly before?: Key | undefined
  /** The last rows instead of the first. The rows still come in the list's order. */
  readonly fromEnd?: boolean | undefined
}

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

/** SQL of the same page of many owners at once: of the tags of each stream, of the events of each tag. */
export function pageOfEach(
  page: KeysetPage,
  columns: readonly SortColumn[],
  {
    table,
    owner,
    where = [],
    values = [],
  }: { table: string; owner: string; where?: readonly string[]; values?: readonly Parameter[] },
): PageOfEachSql {
  const { condition, keys, orderBy, limit, inOrder } = keyset(page, columns)
  const wanted = [`${owner} = o.value`, ...condition, ...where].join(' and ')
  return {
    from: `json_each(?) o join ${table} t on t.id in
      (select id from ${table} where ${wanted} order by ${orderBy} limit ?)`,
    orderBy: orderBy.replace(/\w+ (?:asc|desc)/g, 't.$&'),
    parameters: (owners) => [JSON.stringify(owners), ...keys, ...values, limit],
    inOrder,
  }
}
