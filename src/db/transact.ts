import BetterSqlite3 from 'better-sqlite3'
import { DrizzleError } from 'drizzle-orm'

/** Proof that a transaction is open; functions whose writes must commit with others require one. */
export interface Transaction {
  /** Runs at the end of the transaction, once for each name: for a write that one commit needs once. */
  beforeCommit(name: string, write: () => void): void
  /** Runs after the commit, once for each distinct function; not at all if the transaction fails. */
  afterCommit(hook: () => void): void
}

/**
 * Runs a short synchronous write in a transaction, which rolls back when `write` throws. A call inside another
 * transaction joins that transaction. Throws TypeError when `write` returns a promise.
 */
export type Transact = <Result>(write: (tx: Transaction) => Result) => Result

/** The transactions of one connection. */
export type Transactions = ReturnType<typeof createTransactions>

/**
 * Creates the transactions of a connection. `onFatal` receives an error after which the commit may or may not be on
 * disk: only a restart of the process can find out.
 */
export function createTransactions(
  sqlite: BetterSqlite3.Database,
  onFatal: ((error: unknown) => void) | undefined,
) {
  const begin = sqlite.prepare('BEGIN IMMEDIATE')
  const commit = sqlite.prepare('COMMIT')
  const rollback = sqlite.prepare('ROLLBACK')
  let open: Transaction | undefined
  let lastCommitMs = 0

  const transact: Transact = (write) => {
    if (open) return synchronous(write(open))
    const finalWrites = new Map<string, () => void>()
    const hooks = new Set<() => void>()
    const tx: Transaction = {
      beforeCommit: (name, write) => void finalWrites.set(name, write),
      afterCommit: (hook) => void hooks.add(hook),
    }
    begin.run()
    open = tx
    let result: ReturnType<typeof write>
    try {
      result = synchronous(write(tx))
      for (const write of finalWrites.values()) write()
      const startedAt = performance.now()
      commit.run()
      lastCommitMs = performance.now() - startedAt
    } catch (thrown) {
      const error = withoutWrapper(thrown)
      if (sqlite.inTransaction) rollback.run()
      if (isFatal(error)) onFatal?.(error)
      throw error
    } finally {
      open = undefined
    }
    for (const hook of hooks) hook()
    return result
  }

  return {
    transact,
    /** Milliseconds that the last commit took. */
    lastCommitMs: (): number => lastCommitMs,
  }
}

const synchronous = <Result>(result: Result): Result => {
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new TypeError('a transaction is synchronous: fetch first, then commit')
  }
  return result
}

/** Returns the error of SQLite, whose code callers read: Drizzle's `run` of a raw statement wraps it. */
const withoutWrapper = (error: unknown): unknown =>
  error instanceof DrizzleError && error.cause instanceof BetterSqlite3.SqliteError ? error.cause : error

/** Reports whether the error leaves open what is on disk. */
export const isFatal = (error: unknown): boolean =>
  error instanceof BetterSqlite3.SqliteError &&
  (error.code.startsWith('SQLITE_IOERR') || error.code.startsWith('SQLITE_CORRUPT'))
