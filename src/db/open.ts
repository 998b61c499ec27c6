import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { LRUCache } from 'lru-cache'
import semver from 'semver'
import { addFunctions } from './functions.ts'
import { type Statement, statementOf } from './statement.ts'
import * as tables from './tables/index.ts'
import { createTransactions, type Transact } from './transact.ts'
import { createTransactTogether, type TransactTogether } from './transact-together.ts'

export type Orm = BetterSQLite3Database<typeof tables>
export interface Database extends Disposable {
  /** Drizzle on the same connection: for all that is not on a hot path. */
  readonly orm: Orm
  /** Returns the prepared statement for an SQL text; prepares each text once. */
  prepare<Row = never>(text: string): Statement<Row>
  readonly transact: Transact
  readonly transactTogether: TransactTogether
}

/** The file cannot be used as the database; it was not changed. The message says why, and what to do. */
export class DatabaseRefusedError extends Error {
  override readonly name = 'DatabaseRefusedError'
  readonly code = 'DATABASE_REFUSED'
}

export interface OpenOptions {
  /** Called when a write may or may not have reached the disk: the process must end and start again. */
  onFatal?: (error: unknown) => void
}

const MIGRATIONS = fileURLToPath(new URL('../../src/db/migrations', import.meta.url))
/** "imst": identifies the files of this program among SQLite databases. */
const APPLICATION_ID = 0x696d7374
const FULL = 2
/** Prepared statements that are cached: searches can be composed in many ways, and clients choose which. */
const MAX_PREPARED = 1000
/** Earlier versions can corrupt a write-ahead log: https://sqlite.org/wal.html#walresetbug */
const MINIMUM_SQLITE = '3.51.3'

/**
 * Opens or creates the database and applies the migrations that it lacks. One process at a time can open it. Throws
 * DatabaseRefusedError.
 */
export function openDatabase(file: string, { onFatal }: OpenOptions = {}): Database {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const sqlite = connect(file)
  try {
    configure(sqlite, file)
    refuseNewer(sqlite, file)
    const orm = drizzle(sqlite, { schema: tables })
    addFunctions(sqlite)
    migrate(orm, { migrationsFolder: MIGRATIONS })
    const transactions = createTransactions(sqlite, onFatal)
    return {
      orm,
      prepare: statements(sqlite),
      transact: transactions.transact,
      transactTogether: createTransactTogether(transactions),
      [Symbol.dispose]: () => sqlite.close(),
    }
  } catch (error) {
    sqlite.close()
    throw explain(file, error)
  }
}

const connect = (file: string): BetterSqlite3.Database => {
  try {
    return new BetterSqlite3(file, { timeout: 2_000 })
  } catch (error) {
    throw explain(file, error)
  }
}

function configure(sqlite: BetterSqlite3.Database, file: string): void {
  const version = sqlite.prepare('select sqlite_version()').pluck().get() as string
  if (semver.lt(version, MINIMUM_SQLITE)) {
    throw new DatabaseRefusedError(`SQLite ${version} is too old: ${MINIMUM_SQLITE} or later is required`)
  }
  // a second process would not be notified of this one's commits, and could not share its counters
  sqlite.pragma('locking_mode = EXCLUSIVE')
  const owner = sqlite.pragma('application_id', { simple: true })
  const isEmpty = sqlite.prepare('select count(*) from sqlite_schema').pluck().get() === 0
  if (owner !== APPLICATION_ID && !isEmpty) {
    throw new DatabaseRefusedError(`${file} is a database of another program: choose another file`)
  }
  sqlite.pragma('journal_mode = WAL')
  // better-sqlite3 is built to open an existing WAL database with NORMAL, which loses commits at a power failure
  sqlite.pragma('synchronous = FULL')
  if (sqlite.pragma('synchronous', { simple: true }) !== FULL) {
    throw new DatabaseRefusedError('SQLite does not accept synchronous = FULL')
  }
  sqlite.pragma('foreign_keys = ON')
  sqlite.pragma('cache_size = -32768')
  sqlite.pragma('temp_store = MEMORY')
  // 16 MiB of log between two checkpoints: an import writes the same index pages many times
  sqlite.pragma('wal_autocheckpoint = 4000')
  if (owner !== APPLICATION_ID) sqlite.pragma(`application_id = ${APPLICATION_ID}`)
}

/** Throws DatabaseRefusedError for a file with migrations that this version does not know. */
function refuseNewer(sqlite: BetterSqlite3.Database, file: string): void {
  const table = sqlite.prepare("select 1 from sqlite_schema where name = '__drizzle_migrations'").get()
  if (!table) return
  const applied = sqlite.prepare('select max(created_at) from __drizzle_migrations').pluck().get()
  const known = readMigrationFiles({ migrationsFolder: MIGRATIONS }).at(-1)?.folderMillis ?? 0
  if (Number(applied) > known) {
    throw new DatabaseRefusedError(
      `${file} was written by a newer version: start that version, or restore a backup`,
    )
  }
}

const statements = (sqlite: BetterSqlite3.Database): Database['prepare'] => {
  const prepared = new LRUCache<string, Statement<unknown>>({ max: MAX_PREPARED })
  return <Row>(text: string) => {
    const known = prepared.get(text)
    if (known) return known as Statement<Row>
    const statement = statementOf<Row>(sqlite.prepare(text))
    prepared.set(text, statement)
    return statement
  }
}

/** Returns a DatabaseRefusedError for errors that the operator can resolve, and other errors as they are. */
function explain(file: string, error: unknown): unknown {
  const code = error instanceof BetterSqlite3.SqliteError ? error.code : undefined
  if (code === 'SQLITE_BUSY') {
    return new DatabaseRefusedError(`${file} is in use by another process: stop that process`, {
      cause: error,
    })
  }
  if (code === 'SQLITE_NOTADB' || code?.startsWith('SQLITE_CORRUPT')) {
    return new DatabaseRefusedError(`${file} is damaged or not a database: restore it from a backup`, {
      cause: error,
    })
  }
  if (code?.startsWith('SQLITE_CANTOPEN')) {
    return new DatabaseRefusedError(
      `${file} cannot be opened: check that its folder exists and is writable`,
      { cause: error },
    )
  }
  return error
}
