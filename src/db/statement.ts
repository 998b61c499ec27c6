import type BetterSqlite3 from 'better-sqlite3'

export type Parameter = string | number | bigint | Uint8Array | null

/** A prepared statement. Rows are plain objects, named by the statement's columns. */
export interface Statement<Row> {
  all(...parameters: readonly Parameter[]): Row[]
  get(...parameters: readonly Parameter[]): Row | undefined
  /** Rows as lists of values, for who makes objects of them in their own way. */
  tuples(...parameters: readonly Parameter[]): unknown[]
  run(...parameters: readonly Parameter[]): { readonly changes: number }
  /**
   * Inserts one row and returns its id. `returning id` says the same, but makes a trigger of it for SQLite, which then
   * copies every page that the insert changes to a temporary file, to be able to undo it alone.
   */
  insert(...parameters: readonly Parameter[]): number
}

/** Objects are made here and not by better-sqlite3, which sets each property from C++: reading lists is twice as fast. */
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
      throw new TypeError(`an insert that returns its id needs no "returning": ${native.source}`)
    },
  }
}
