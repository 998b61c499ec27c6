import { getTableColumns } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'

/**
 * Returns a table's columns for the select list of a prepared statement, with the names of the Drizzle table:
 * `t.stream_id as streamId, …`. The rows then have the table's type, `typeof table.$inferSelect`.
 */
export const columnsOf = (table: SQLiteTable, alias: string, omit: readonly string[] = []): string =>
  Object.entries(getTableColumns(table))
    .filter(([name]) => !omit.includes(name))
    .map(([name, column]) => `${alias}.${column.name} as ${name}`)
    .join(', ')
