import type { Transaction } from '../../db/transact.ts'

/** Commits that changed what principals may do, or whose credentials are valid. */
export type AccessChanges = ReturnType<typeof createAccessChanges>

export function createAccessChanges() {
  const listeners = new Set<() => void>()
  let generation = 0
  const notify = (): void => {
    generation += 1
    for (const listener of listeners) listener()
  }
  return {
    /** Number of such commits: what was derived from the tables is outdated when it has changed. */
    generation: (): number => generation,

    /** Records that the transaction changes grants, users, credentials or rules; listeners are called after its commit. */
    record: (tx: Transaction): void => tx.afterCommit(notify),

    /** Calls the listener after each such commit. Returns a function that ends this. */
    onChange(listener: () => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
