import { isFatal, type Transaction, type Transactions } from './transact.ts'

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
