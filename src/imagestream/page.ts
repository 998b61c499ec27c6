import type { Parameter } from '../db/statement.ts'

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
