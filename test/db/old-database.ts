import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'

const MIGRATIONS = fileURLToPath(new URL('../../src/db/migrations', import.meta.url))
const APPLICATION_ID = 0x696d7374

const PROGRAM_FUNCTIONS = ['registry_of', 'platforms_of', 'kind_of', 'artifact_type_of', 'is_referrers_tag']

/** Inserts a row, with the names of its columns. */
export type Insert = (table: string, row: Readonly<Record<string, unknown>>) => void

export interface OldDatabase extends Disposable {
  /** Path of the file. */
  readonly file: string
}

/** Creates a database of the version before a migration, with rows of that version. */
export function oldDatabase(migration: string, fill: (insert: Insert) => void): OldDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-'))
  const migrations = join(folder, 'migrations')
  cpSync(MIGRATIONS, migrations, { recursive: true })
  const journal = join(migrations, 'meta/_journal.json')
  const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8'))
  const before = entries.findIndex(({ tag }: { tag: string }) => tag.endsWith(`_${migration}`))
  if (before < 0) throw new Error(`there is no migration ${migration}`)
  writeFileSync(journal, JSON.stringify({ ...rest, entries: entries.slice(0, before) }))
  const file = join(folder, 'imagestreams.db')
  const sqlite = new BetterSqlite3(file)
  sqlite.pragma(`application_id = ${APPLICATION_ID}`)
  // functions of the program that data migrations call; they have no rows to convert here
  for (const name of PROGRAM_FUNCTIONS) sqlite.function(name, { varargs: true }, () => null)
  migrate(drizzle(sqlite), { migrationsFolder: migrations })
  fill((table, row) => {
    const marks = Object.keys(row).map(() => '?')
    const text = `insert into ${table} (${Object.keys(row).join(', ')}) values (${marks.join(', ')})`
    sqlite.prepare(text).run(...Object.values(row))
  })
  sqlite.close()
  return { file, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}
