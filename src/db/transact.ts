import BetterSqlite3 from 'better-sqlite3'

/** Proof that a transaction is open; what must be written together asks for one. */
export interface Transaction {
  /** Runs inside the transaction when all else is written, once for each name: what one commit needs but one of. */
  beforeCommit(name: string, write: () => void): void
  /** Runs after the commit, once for each distinct function, and not at all if the transaction fails. */
  afterCommit(hook: () => void): void
}

/**
 * One short, synchronous write: all of it or, when `write` throws, nothing.
 * A call inside another transaction joins it.
 */
export type Transact = <Result>(write: (tx: Transaction) => Result) => Result

/**
 * Like `transact`, for writes that arrive at about the same time: they share one commit, so one sync of the disk.
 * Each still fails alone: when one of them does, all are undone and run again, each in a commit of its own, so `write`
 * changes nothing but the database. Resolves when its commit is on disk.
 */
export type TransactTogether = <Result>(
  write: (tx: Transaction) => Result,
  options?: TogetherOptions,
) => Promise<Result>

export interface TogetherOptions {
  /**
   * Waits a few syncs' time for company: many writes share a commit, and each takes longer. Otherwise a write has the
   * company of its turn of the event loop: while one commit is synced, the next one's writes arrive. True unless given.
   */
  readonly patient?: boolean
}

/** Syncs of the disk that a write waits for company: the slower the disk, the more writes share a commit. */
const SYNCS_TO_WAIT = 8
/** Milliseconds. */
const MAXIMUM_WAIT = 20
/** Writes of one commit: nothing else runs meanwhile. */
const MAXIMUM_TOGETHER = 64

interface Waiting {
  readonly write: (tx: Transaction) => unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

class OpenTransaction implements Transaction {
  readonly last = new Map<string, () => void>()
  readonly hooks = new Set<() => void>()
  beforeCommit(name: string, write: () => void): void {
    this.last.set(name, write)
  }
  afterCommit(hook: () => void): void {
    this.hooks.add(hook)
  }
}

export function transactions(
  sqlite: BetterSqlite3.Database,
  onFatal: ((error: unknown) => void) | undefined,
): { transact: Transact; transactTogether: TransactTogether } {
  const begin = sqlite.prepare('BEGIN IMMEDIATE')
  const commit = sqlite.prepare('COMMIT')
  const rollback = sqlite.prepare('ROLLBACK')
  let open: OpenTransaction | undefined
  let lastSync = 0

  const transact: Transact = (write) => {
    if (open) return synchronous(write(open))
    const tx = new OpenTransaction()
    begin.run()
    open = tx
    let result: ReturnType<typeof write>
    try {
      result = synchronous(write(tx))
      for (const write of tx.last.values()) write()
      const began = performance.now()
      commit.run()
      lastSync = performance.now() - began
    } catch (error) {
      if (sqlite.inTransaction) rollback.run()
      // after such an error the commit may be on disk although it failed here: only a restart knows
      if (isFatal(error)) onFatal?.(error)
      throw error
    } finally {
      open = undefined
    }
    for (const hook of tx.hooks) hook()
    return result
  }

  // No savepoint around each write: it would copy every page that the write changes, for a failure that hardly comes.
  const commitTogether = (together: readonly Waiting[]): void => {
    let committed = false
    try {
      const results = transact((tx) => {
        tx.afterCommit(() => {
          committed = true
        })
        return together.map(({ write }) => synchronous(write(tx)))
      })
      together.forEach(({ resolve }, at) => void resolve(results[at] as never))
    } catch (error) {
      const isLast = committed || together.length === 1 || isFatal(error)
      if (isLast) for (const { reject } of together) reject(error)
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

  const transactTogether: TransactTogether = (write, { patient = true } = {}) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0 && patient) {
        timer = setTimeout(flush, Math.min(lastSync * SYNCS_TO_WAIT, MAXIMUM_WAIT))
      }
      waiting.push({ write, resolve, reject })
      if (!patient || waiting.length === MAXIMUM_TOGETHER) flushSoon()
    })

  return { transact, transactTogether }
}

const synchronous = <Result>(result: Result): Result => {
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new TypeError('a transaction is synchronous: fetch first, then commit')
  }
  return result
}

const isFatal = (error: unknown): boolean =>
  error instanceof BetterSqlite3.SqliteError &&
  (error.code.startsWith('SQLITE_IOERR') || error.code.startsWith('SQLITE_CORRUPT'))
