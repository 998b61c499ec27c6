import BetterSqlite3 from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import type { Orm } from './open.ts'
import * as tables from './tables/index.ts'

/** A database that is only read, also while a server has it open. */
export interface ReadOnlyDatabase extends Disposable {
  readonly orm: Orm
}

const BUSY_MS = 30_000

/** Opens the database without changing it: its migrations are not applied. Throws SqliteError. */
export function openReadOnly(file: string): ReadOnlyDatabase {
  const sqlite = new BetterSqlite3(file, { readonly: true, timeout: BUSY_MS })
  return {
    orm: drizzle(sqlite, { schema: tables }),
    [Symbol.dispose]: () => void sqlite.close(),
  }
}
