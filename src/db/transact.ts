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
 * Each still fails alone. Resolves when its commit is on disk.
 */
export type TransactTogether = <Result>(write: (tx: Transaction) => Result) => Promise<Result>

/** Syncs of the disk that a write waits for company: the slower the disk, the more writes share a commit. */
const SYNCS_TO_WAIT = 8
/** Milliseconds. */
const MAXIMUM_WAIT = 10
/** Writes of one commit: nothing else runs meanwhile. */
const MAXIMUM_TOGETHER = 64

interface Waiting {
  write: (tx: Transaction) => unknown
  resolve: (result: never) => void
  reject: (error: unknown) => void
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
  const savepoint = sqlite.prepare('SAVEPOINT one')
  const release = sqlite.prepare('RELEASE one')
  const rollbackTo = sqlite.prepare('ROLLBACK TO one')
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

  const alone = (tx: Transaction, { write }: Waiting): { result?: unknown; error?: unknown } => {
    const around = open
    const own = new OpenTransaction()
    savepoint.run()
    open = own
    try {
      const result = synchronous(write(own))
      release.run()
      for (const [name, last] of own.last) tx.beforeCommit(name, last)
      for (const hook of own.hooks) tx.afterCommit(hook)
      return { result }
    } catch (error) {
      if (!sqlite.inTransaction || isFatal(error)) throw error
      rollbackTo.run()
      release.run()
      return { error }
    } finally {
      open = around
    }
  }

  const waiting: Waiting[] = []
  const flush = (): void => {
    const together = waiting.splice(0, MAXIMUM_TOGETHER)
    if (waiting.length > 0) setImmediate(flush)
    try {
      const outcomes = transact((tx) => together.map((one) => alone(tx, one)))
      together.forEach(({ resolve, reject }, at) => {
        const outcome = outcomes[at]
        if (outcome && 'error' in outcome) reject(outcome.error)
        else resolve(outcome?.result as never)
      })
    } catch (error) {
      for (const { reject } of together) reject(error)
    }
  }

  const transactTogether: TransactTogether = (write) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setTimeout(flush, Math.min(lastSync * SYNCS_TO_WAIT, MAXIMUM_WAIT))
      waiting.push({ write, resolve, reject })
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
