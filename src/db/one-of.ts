import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'

/**
 * Returns the condition that a column has one of the values, which are one parameter, however many they are. A placeholder stands
 * for the values as JSON text.
 */
export const isOneOf = (column: SQLiteColumn, values: readonly (string | number)[] | Placeholder): SQL =>
  sql`${column} in (select value from json_each(${Array.isArray(values) ? JSON.stringify(values) : values}))`

/** Returns the condition that rows are of one of the namespaces; undefined, which is no condition, for null. */
export const isInNamespaces = (
  column: SQLiteColumn,
  namespaces: readonly string[] | null,
): SQL | undefined => (namespaces === null ? undefined : isOneOf(column, namespaces))
