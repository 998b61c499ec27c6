import { getTableColumns, type Placeholder, type SQL, sql } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'

/** Names of the columns of a table, as its rows have them. */
type ColumnOf<Table extends SQLiteTable> = keyof Table['$inferSelect'] & string

/** Returns a placeholder for each column of a table, for statements that are prepared once. */
export const placeholdersOf = <Table extends SQLiteTable>(table: Table) =>
  Object.fromEntries(Object.keys(getTableColumns(table)).map((name) => [name, sql.placeholder(name)])) as {
    [Name in ColumnOf<Table>]: Placeholder<Name>
  }

/** Returns what an upsert sets to overwrite these columns of a row that exists. */
export const overwriting = <Table extends SQLiteTable>(
  table: Table,
  names: readonly string[],
): Record<string, SQL> => {
  const columns = Object.entries(getTableColumns(table)).filter(([name]) => names.includes(name))
  return Object.fromEntries(
    columns.map(([name, column]) => [name, sql`excluded.${sql.identifier(column.name)}`]),
  )
}
