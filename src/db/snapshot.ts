import BetterSqlite3 from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { findDamage } from './damage.ts'
import type { Orm } from './open.ts'
import { explain } from './refusal.ts'
import * as tables from './tables/index.ts'

/** Milliseconds to wait for a program that has the database locked. */
const BUSY_MS = 10_000
/** All pages: one step, and so one transaction of reading, which writers do not disturb. */
const ALL_PAGES = 0x7fffffff
const MAX_FINDINGS = 3

/** A snapshot that was opened, for reads. */
export interface OpenSnapshot extends Disposable {
  readonly orm: Orm
}

/**
 * Copies the database, which a server may have open, in one consistent state. The copy is one file without a log. Rejects with
 * DatabaseRefusedError for a file that is no database, or that a server of an earlier version has locked.
 */
export async function copyDatabase(file: string, target: string): Promise<void> {
  let source: BetterSqlite3.Database | undefined
  try {
    // not read-only: after a kill the log must be recovered
    source = new BetterSqlite3(file, { fileMustExist: true, timeout: BUSY_MS })
    await source.backup(target, { progress: () => ALL_PAGES })
    const copy = new BetterSqlite3(target)
    copy.pragma('journal_mode = DELETE')
    copy.close()
  } catch (error) {
    throw explain(file, error)
  } finally {
    source?.close()
  }
}

/** Returns what is wrong with a snapshot; nothing for one that is whole. */
export function checkSnapshot(file: string): string[] {
  const sqlite = new BetterSqlite3(file, { readonly: true })
  try {
    return findDamage(sqlite, MAX_FINDINGS)
  } finally {
    sqlite.close()
  }
}

/** Opens a snapshot for reads, as it is: an earlier version may have written it. */
export function openSnapshot(file: string): OpenSnapshot {
  const sqlite = new BetterSqlite3(file, { readonly: true })
  return { orm: drizzle(sqlite, { schema: tables }), [Symbol.dispose]: () => void sqlite.close() }
}
