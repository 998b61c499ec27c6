import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'

/**
 * Runs the write in a transaction, which a dry run rolls back: it checks everything and stores nothing. Returns the
 * write's result. Throws what the write throws.
 */
export function transactUnlessDry<Result>(
  db: Database,
  isDryRun: boolean,
  write: (tx: Transaction) => Result,
): Result {
  if (!isDryRun) return db.transact(write)
  let done: { readonly result: Result } | undefined
  const undo = new Error('rolled back, as it is a dry run')
  try {
    return db.transact((tx) => {
      done = { result: write(tx) }
      throw undo
    })
  } catch (error) {
    if (error !== undo || !done) throw error
    return done.result
  }
}
