import { getTableColumns } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'

/**
 * A table's columns for the select list of a prepared statement, named as in `tables.ts`: `t.stream_id as streamId, …`.
 * Its rows are then the table's `$inferSelect`.
 */
export const columnsOf = (table: SQLiteTable, alias: string, omit: readonly string[] = []): string =>
  Object.entries(getTableColumns(table))
    .filter(([name]) => !omit.includes(name))
    .map(([name, column]) => `${alias}.${column.name} as ${name}`)
    .join(', ')
