import { type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'

/** Returns the condition that a column has one of the values, which are one parameter, however many they are. */
export const isOneOf = (column: SQLiteColumn, values: readonly (string | number)[]): SQL =>
  sql`${column} in (select value from json_each(${JSON.stringify(values)}))`

/** Returns the condition that rows are of one of the namespaces; undefined, which is no condition, for null. */
export const isInNamespaces = (
  column: SQLiteColumn,
  namespaces: readonly string[] | null,
): SQL | undefined => (namespaces === null ? undefined : isOneOf(column, namespaces))
