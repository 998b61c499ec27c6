import type BetterSqlite3 from 'better-sqlite3'
import { getTableColumns } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'

/** A value that SQLite can store. */
export type Parameter = string | number | bigint | Uint8Array | null

/** A prepared statement. Rows are plain objects with the names of the statement's columns. */
export interface Statement<Row> {
  all(...parameters: readonly Parameter[]): Row[]
  get(...parameters: readonly Parameter[]): Row | undefined
  /** Returns rows as lists of values, for callers that build their own objects. */
  tuples(...parameters: readonly Parameter[]): unknown[]
  run(...parameters: readonly Parameter[]): { readonly changes: number }
  /**
   * Inserts one row and returns its id. Faster than `returning id`, for which SQLite uses a statement journal: it copies
   * every page that the insert changes to a temporary file.
   */
  insert(...parameters: readonly Parameter[]): number
}

/**
 * Wraps a statement of better-sqlite3. Builds the row objects here, which is twice as fast: better-sqlite3 sets each
 * property from C++.
 */
export function statementOf<Row>(native: BetterSqlite3.Statement<Parameter[]>): Statement<Row> {
  if (!native.reader) {
    const refuse = (): never => {
      throw new TypeError(`this statement returns no rows: ${native.source}`)
    }
    return {
      all: refuse,
      get: refuse,
      tuples: refuse,
      run: (...parameters) => native.run(...parameters),
      insert: (...parameters) => Number(native.run(...parameters).lastInsertRowid),
    }
  }
  const names = native.columns().map(({ name }) => name)
  native.raw()
  const toRow = (tuple: unknown): Row => {
    const values = tuple as readonly unknown[]
    const row: Record<string, unknown> = {}
    for (let at = 0; at < names.length; at++) row[names[at] as string] = values[at]
    return row as Row
  }
  return {
    all: (...parameters) => native.all(...parameters).map(toRow),
    get(...parameters) {
      const tuple = native.get(...parameters)
      return tuple === undefined ? undefined : toRow(tuple)
    },
    tuples: (...parameters) => native.all(...parameters),
    run: (...parameters) => ({ changes: native.all(...parameters).length }),
    insert: () => {
      throw new TypeError(`insert() returns the id itself, remove "returning": ${native.source}`)
    },
  }
}

/**
 * Returns a table's columns for the select list of a prepared statement, with the names of the Drizzle table:
 * `t.stream_id as streamId, …`. The rows then have the table's type, `typeof table.$inferSelect`.
 */
export const columnsOf = (table: SQLiteTable, alias: string, omit: readonly string[] = []): string =>
  Object.entries(getTableColumns(table))
    .filter(([name]) => !omit.includes(name))
    .map(([name, column]) => `${alias}.${column.name} as ${name}`)
    .join(', ')
