import { fileURLToPath } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import { DatabaseRefusedError } from './refused-error.ts'

const MIGRATIONS = fileURLToPath(new URL('../../src/db/migrations', import.meta.url))

/** What the file contains does not fit a migration: `SQLITE_ERROR`, and constraints. Other errors are those of the disk. */
const OF_THE_SCHEMA = /^SQLITE_(?:ERROR|CONSTRAINT)/

const readKnown = (): MigrationMeta[] => readMigrationFiles({ migrationsFolder: MIGRATIONS })

/** A migration as the database has it: the hash of its file, and when it was written, in milliseconds since 1970. */
type Applied = Pick<MigrationMeta, 'hash' | 'folderMillis'>

/**
 * Applies the migrations that a database lacks, all or none: a migration that fails leaves the file as it was. Throws
 * DatabaseRefusedError.
 */
export function applyMigrations(sqlite: BetterSqlite3.Database, file: string): void {
  const lacking = readKnown().slice(appliedTo(sqlite).length)
  if (lacking.length === 0) return
  const apply = sqlite.transaction(() => {
    // the table of Drizzle
    sqlite.exec(
      'create table if not exists __drizzle_migrations (id serial primary key, hash text not null, created_at numeric)',
    )
    const note = sqlite.prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)')
    for (const { sql, hash, folderMillis } of lacking) {
      for (const statement of sql) sqlite.exec(statement)
      note.run(hash, folderMillis)
    }
  })
  try {
    apply()
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError && OF_THE_SCHEMA.test(error.code))) throw error
    throw new DatabaseRefusedError(
      `${file} cannot be migrated: ${error.message}; it was not changed: start the version that wrote it, and report this`,
      { cause: error },
    )
  }
}

function appliedTo(sqlite: BetterSqlite3.Database): Applied[] {
  const table = sqlite.prepare("select 1 from sqlite_schema where name = '__drizzle_migrations'").get()
  if (!table) return []
  return sqlite
    .prepare<[], Applied>(
      'select hash, created_at as folderMillis from __drizzle_migrations order by created_at',
    )
    .all()
}

/** Throws DatabaseRefusedError for a file whose migrations are not the first of those that this version has. */
export function refuseOtherMigrations(sqlite: BetterSqlite3.Database, file: string): void {
  const known = readKnown()
  const applied = appliedTo(sqlite)
  const newest = known.at(-1)?.folderMillis ?? 0
  const other = applied.find(({ hash }, at) => hash !== known[at]?.hash)
  if (!other) return
  throw new DatabaseRefusedError(
    Number(applied.at(-1)?.folderMillis) > newest
      ? `${file} was written by a newer version: start that version, or restore a backup`
      : `${file} was written by a development version whose migrations were replaced: start that version to export its documents, and import them into a new folder (--data)`,
  )
}
