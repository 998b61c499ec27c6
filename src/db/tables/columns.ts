import { integer, text } from 'drizzle-orm/sqlite-core'

// Columns are typed as SQLite stores them, so that a row is the same by Drizzle and by a prepared statement.

/** A key that is never used twice. */
export const rowid = () => integer('id').primaryKey({ autoIncrement: true })

/** Milliseconds since 1970. */
export const time = (name: string) => integer(name)

/** 1 for true. */
export const flag = (name: string) => integer(name).$type<0 | 1>().notNull()

/** JSON text: `[{"key":…,"value":…}]`, ordered as the writer gave them. */
export const keyValues = (name: string) => text(name).notNull()

/** What is taken of an index. */
export const importMode = () => text('import_mode', { enum: ['Legacy', 'PreserveOriginal'] }).notNull()
