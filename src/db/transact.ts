import type BetterSqlite3 from 'better-sqlite3'
import type { FileGuard } from './files/file-guard.ts'
import { isFatal, withoutWrapper } from './sqlite-errors.ts'

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

/** What guards the transactions of a connection, and what they report. */
export interface TransactionOptions {
  /** Throws for files that are no longer the database's; nothing is written then. */
  readonly files?: FileGuard
  /** Receives each error of a transaction, also one of the function that it ran. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Creates the transactions of a connection. */
export function createTransactions(
  sqlite: BetterSqlite3.Database,
  { files, onError }: TransactionOptions = {},
) {
  const begin = sqlite.prepare('BEGIN IMMEDIATE')
  const commit = sqlite.prepare('COMMIT')
  const rollback = sqlite.prepare('ROLLBACK')
  let open: Transaction | undefined
  let lastCommitMs = 0

  const run = <Result>(write: (tx: Transaction) => Result, isSynced: boolean): Result => {
    const finalWrites = new Map<string, () => void>()
    const hooks = new Set<() => void>()
    const tx: Transaction = {
      beforeCommit: (name, write) => void finalWrites.set(name, write),
      afterCommit: (hook) => void hooks.add(hook),
    }
    let result: ReturnType<typeof write>
    try {
      files?.require()
      if (!isSynced) sqlite.pragma('synchronous = NORMAL')
      begin.run()
      open = tx
      result = synchronous(write(tx))
      for (const write of finalWrites.values()) write()
      const startedAt = performance.now()
      commit.run()
      if (isSynced) lastCommitMs = performance.now() - startedAt
    } catch (thrown) {
      if (sqlite.inTransaction) rollback.run()
      const error = withoutWrapper(thrown)
      onError?.(error)
      throw error
    } finally {
      open = undefined
      if (!isSynced) sqlite.pragma('synchronous = FULL')
    }
    for (const hook of hooks) hook()
    return result
  }

  const transact: Transact = (write) => (open ? synchronous(write(open)) : run(write, true))
  const transactUnsynced: Transact = (write) => (open ? synchronous(write(open)) : run(write, false))

  return {
    transact,
    /**
     * Like `transact`, but the commit reaches the disk only with the next one that is synced: a power cut may undo it, the end of
     * the process does not. For writes that follow from what is stored, and are then made again.
     */
    transactUnsynced,
    /** Returns the milliseconds that the last synced commit took. */
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

/**
 * Like `transact`, for writes that arrive at about the same time: they share one commit and so one sync of the disk.
 * Each can still fail alone: when one fails, all are rolled back and each runs again in a commit of its own. `write`
 * may therefore run twice, and must change nothing but the database. Resolves when its commit is on disk.
 */
export type TransactTogether = <Result>(
  write: (tx: Transaction) => Result,
  options?: TogetherOptions,
) => Promise<Result>

export interface TogetherOptions {
  /**
   * Waits for the time of a few syncs, so that more writes share the commit and each takes longer. Without it a write
   * shares the commit of its iteration of the event loop; while that is synced, the writes of the next one arrive.
   */
  readonly patient?: boolean
}

/** Syncs of the disk for which a patient write waits: the slower the disk, the more writes share a commit. */
const SYNCS_TO_WAIT = 8
/** Milliseconds. */
const MAXIMUM_WAIT = 20
/** Writes of one commit: the event loop is blocked meanwhile. */
const MAXIMUM_TOGETHER = 64

interface Waiting {
  readonly write: (tx: Transaction) => unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/** Creates the shared commits of a connection. */
export function createTransactTogether({ transact, lastCommitMs }: Transactions): TransactTogether {
  // No savepoint around each write: it would copy every page that the write changes, for a failure that is rare.
  const commitTogether = (together: readonly Waiting[]): void => {
    let isCommitted = false
    try {
      const results = transact((tx) => {
        tx.afterCommit(() => {
          isCommitted = true
        })
        return together.map(({ write }) => transact(write))
      })
      together.forEach(({ resolve }, at) => void resolve(results[at] as never))
    } catch (error) {
      const isFinal = isCommitted || together.length === 1 || isFatal(error)
      if (isFinal) for (const { reject } of together) reject(error)
      else for (const one of together) commitTogether([one])
    }
  }

  const waiting: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let isFlushing = false
  const flush = (): void => {
    clearTimeout(timer)
    isFlushing = false
    const together = waiting.splice(0, MAXIMUM_TOGETHER)
    if (waiting.length > 0) flushSoon()
    if (together.length > 0) commitTogether(together)
  }
  const flushSoon = (): void => {
    if (isFlushing) return
    isFlushing = true
    setImmediate(flush)
  }

  return (write, { patient = false } = {}) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0 && patient) {
        timer = setTimeout(flush, Math.min(lastCommitMs() * SYNCS_TO_WAIT, MAXIMUM_WAIT))
      }
      waiting.push({ write, resolve, reject })
      if (!patient || waiting.length === MAXIMUM_TOGETHER) flushSoon()
    })
}
