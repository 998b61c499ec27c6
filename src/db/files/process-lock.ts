import BetterSqlite3 from 'better-sqlite3'

/**
 * Takes a lock that one process at a time has: an exclusive lock of SQLite on an empty file, which the operating system releases
 * when the process ends, also after `kill -9`. Blocks for at most `waitMs` milliseconds. Returns undefined when another process, or
 * another caller in this one, has it. Throws SqliteError when the file cannot be written.
 */
export function takeLock(file: string, waitMs: number): Disposable | undefined {
  const sqlite = new BetterSqlite3(file, { timeout: waitMs })
  try {
    // no journal beside it
    sqlite.pragma('journal_mode = MEMORY')
    sqlite.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    sqlite.close()
    if (error instanceof BetterSqlite3.SqliteError && error.code === 'SQLITE_BUSY') return undefined
    throw error
  }
  return { [Symbol.dispose]: () => void sqlite.close() }
}
