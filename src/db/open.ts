import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import { LRUCache } from 'lru-cache'
import semver from 'semver'
import { damageError, findDamageAtStart, noteDamage } from './damage.ts'
import { type FileGuard, guardFiles } from './files/file-guard.ts'
import { takeLock } from './files/process-lock.ts'
import { addFunctions } from './functions.ts'
import { applyMigrations, refuseOtherMigrations } from './migrate.ts'
import { changedPages, removeSums, storeSums } from './page-sums.ts'
import { DAMAGED, explain, IN_USE } from './refusal.ts'
import { DatabaseRefusedError } from './refused-error.ts'
import { isDamage, watchForFatal } from './sqlite-errors.ts'
import { type Statement, statementOf } from './statement.ts'
import * as tables from './tables/index.ts'
import { CREATE_VISIBLE_PLACES } from './tables/visible-places.ts'
import {
  createTransactions,
  createTransactTogether,
  type Transact,
  type TransactionOptions,
  type TransactTogether,
} from './transact.ts'

/** Drizzle over all tables. */
export type Orm = BetterSQLite3Database<typeof tables>

/** How a database is guarded, and what it reports. */
export interface OpenOptions extends TransactionOptions {
  /** Receives the first error after which answers can be wrong. */
  readonly onFatal?: (error: unknown) => void
}

/** An open database: one connection. */
export interface Database extends Disposable {
  /** Drizzle on the same connection: for all that is not on a hot path. */
  readonly orm: Orm
  /** Returns the prepared statement for an SQL text; prepares each text once. */
  prepare<Row = never>(text: string): Statement<Row>
  readonly transact: Transact
  /** Like `transact`, for writes that are made again after a power cut, which may undo them. */
  readonly transactUnsynced: Transact
  readonly transactTogether: TransactTogether
  /** Ends the process, as for an error of a statement: the file is damaged. */
  reportDamage(damage: readonly string[]): void
  /** Reports whether the connection is open. */
  isOpen(): boolean
  /** Reports whether its files are still in place. */
  readonly isInPlace: FileGuard['isInPlace']
  /** Returns the bytes of each file of the database. */
  bytes(): { readonly database: number; readonly wal: number }
}

/** "imst": identifies the files of this program among SQLite databases. */
const APPLICATION_ID = 0x696d7374
const FULL = 2
/** Pages that a message names. */
const MAX_PAGES = 5
/** Milliseconds to wait for another program that has the database locked. */
const BUSY_MS = 2_000
/** Bytes that the file of the write-ahead log keeps after it was larger. */
const MAX_IDLE_LOG = 64 * 1024 ** 2
/** Prepared statements that are cached: searches can be composed in many ways, and clients choose which. */
const MAX_PREPARED = 1000
/** Earlier versions can corrupt a write-ahead log: https://sqlite.org/wal.html#walresetbug */
const MINIMUM_SQLITE = '3.51.3'

/**
 * Opens or creates the database and applies the migrations that it lacks. One process at a time can open it. `onFatal` is
 * called once, with the first error after which answers can be wrong: a write may or may not have reached the disk, a page cannot be
 * read, or the file is damaged. The process must end and start again. Throws DatabaseRefusedError, also for a damaged file.
 */
export function openDatabase(
  file: string,
  { files: givenFiles, onError, onFatal }: OpenOptions = {},
): Database {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  let sqlite: BetterSqlite3.Database | undefined
  let lock: Disposable | undefined
  try {
    lock = lockOf(file)
    refuseChanged(file)
    sqlite = new BetterSqlite3(file, { timeout: BUSY_MS })
    configure(sqlite, file)
    // only now: until then another program that closes the database may remove its log
    const files = givenFiles ?? guardFiles(file)
    refuseOtherMigrations(sqlite, file)
    refuseDamaged(sqlite, file)
    removeSums(file)
    const orm = drizzle(sqlite, { schema: tables })
    addFunctions(sqlite)
    applyMigrations(sqlite, file)
    const endWith = once((error) => {
      if (isDamage(error)) noteDamage(file, String(error))
      onFatal?.(error)
    })
    watchForFatal(sqlite, endWith)
    const transactions = createTransactions(sqlite, { files, onError })
    return {
      orm,
      prepare: statements(sqlite),
      transact: transactions.transact,
      transactUnsynced: transactions.transactUnsynced,
      transactTogether: createTransactTogether(transactions),
      isOpen: () => sqlite?.open === true,
      reportDamage: (damage) => endWith(damageError(damage)),
      isInPlace: files.isInPlace,
      bytes: () => ({ database: sizeOf(file), wal: sizeOf(`${file}-wal`) }),
      [Symbol.dispose]() {
        sqlite?.close()
        storeSums(file)
        lock?.[Symbol.dispose]()
      },
    }
  } catch (error) {
    sqlite?.close()
    lock?.[Symbol.dispose]()
    throw explain(file, error)
  }
}

/**
 * Returns the lock of the process that writes the database: a second one would not be notified of this one's commits, and could not
 * share its counters. Other programs may read the database, and write it for an instant, as Litestream does. Throws
 * DatabaseRefusedError.
 */
function lockOf(file: string): Disposable | undefined {
  if (file === ':memory:') return undefined
  const lock = takeLock(`${file}.lock`, BUSY_MS)
  if (!lock) throw new DatabaseRefusedError(`${file} ${IN_USE}`)
  return lock
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

function configure(sqlite: BetterSqlite3.Database, file: string): void {
  const version = sqlite.prepare('select sqlite_version()').pluck().get() as string
  if (semver.lt(version, MINIMUM_SQLITE)) {
    throw new DatabaseRefusedError(`SQLite ${version} is too old: ${MINIMUM_SQLITE} or later is required`)
  }
  const owner = sqlite.pragma('application_id', { simple: true })
  const isEmpty = sqlite.prepare('select count(*) from sqlite_schema').pluck().get() === 0
  if (owner !== APPLICATION_ID && !isEmpty) {
    throw new DatabaseRefusedError(
      `${file} is a database of another program: choose another folder with --data`,
    )
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
  // the log grows while another program reads: then its file shrinks again
  sqlite.pragma(`journal_size_limit = ${MAX_IDLE_LOG}`)
  sqlite.exec(CREATE_VISIBLE_PLACES)
  if (owner !== APPLICATION_ID) sqlite.pragma(`application_id = ${APPLICATION_ID}`)
}

/** Throws DatabaseRefusedError for a file whose pages changed while no server had it open. */
function refuseChanged(file: string): void {
  const pages = changedPages(file)
  if (pages.length === 0) return
  const some = pages.slice(0, MAX_PAGES).join(', ') + (pages.length > MAX_PAGES ? ', …' : '')
  throw new DatabaseRefusedError(
    `${file} ${DAMAGED} (pages ${some} are not as the server wrote them; if another program changed them on purpose, remove ${file}-sums)`,
  )
}

/** Throws DatabaseRefusedError for a damaged file, which stays as it is. */
function refuseDamaged(sqlite: BetterSqlite3.Database, file: string): void {
  const found = findDamageAtStart(sqlite, file)
  if (found.length > 0) throw new DatabaseRefusedError(`${file} ${DAMAGED} (${found.join('; ')})`)
}

const once = (handle: (error: unknown) => void): ((error: unknown) => void) => {
  let isCalled = false
  return (error) => {
    if (isCalled) return
    isCalled = true
    handle(error)
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
