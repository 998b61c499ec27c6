import type { Database } from './open.ts'

/** A column, and an index that begins with it. */
interface IndexedColumn {
  readonly table: string
  readonly column: string
  readonly index: string
  /** Condition of a partial index. */
  readonly where?: string
}

/** Steps through the distinct values of a text column in byte order; each step is one search of the index. */
export interface ValueSteps {
  /** Returns the lowest value above this one; undefined at the end. */
  next(value: string): string | undefined
  /** Returns the highest value below this one, or of all for undefined; undefined at the start. */
  previous(value: string | undefined): string | undefined
  has(value: string): boolean
}

/** Text that is higher than every name: names are printable ASCII. */
const END = '\x7f'

/** Creates the steps through a column. */
export function createValueSteps(
  db: Database,
  { table, column, index, where = 'true' }: IndexedColumn,
): ValueSteps {
  const step = (condition: string, direction: 'asc' | 'desc') =>
    db.prepare<{ value: string }>(
      `select ${column} as value from ${table} indexed by ${index}
       where ${column} ${condition} and ${where} order by ${column} ${direction} limit 1`,
    )
  const [next, previous, equal] = [step('> ?', 'asc'), step('< ?', 'desc'), step('= ?', 'asc')]
  return {
    next: (value) => next.get(value)?.value,
    previous: (value = END) => previous.get(value)?.value,
    has: (value) => equal.get(value) !== undefined,
  }
}
