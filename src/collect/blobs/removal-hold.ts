import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { takeLock } from '../../db/files/process-lock.ts'

/** Holds off removals of files while a backup copies them. */
export interface RemovalHold {
  /** Reports whether a backup runs. Between the removal of a row and that of its file. */
  isHeld(): boolean
  /** Resolves when no backup runs. Rejects with the signal's reason once it is aborted. */
  released(signal: AbortSignal): Promise<void>
}

/** Milliseconds between two looks at a backup that runs. */
const POLL_MS = 500

const lockOf = (dataFolder: string): string => join(dataFolder, 'backup.lock')

/**
 * Holds off removals in a data folder, also those of a server in another process, until it is disposed of or this process ends.
 * Returns undefined when another process holds them off for longer than `waitMs` milliseconds.
 *
 * Take the hold, then the snapshot of the rows: the collector removes the row of a blob, then looks at the hold, then removes the
 * file. If the snapshot has the row, the row was removed after the snapshot, so that the look finds the hold.
 */
export const holdRemovals = (dataFolder: string, waitMs: number): Disposable | undefined =>
  takeLock(lockOf(dataFolder), waitMs)

/** Creates the look at the holds of a data folder. */
export function createRemovalHold(dataFolder: string): RemovalHold {
  const lock = lockOf(dataFolder)
  const isHeld = (): boolean => {
    // only a backup creates it
    if (!existsSync(lock)) return false
    const free = takeLock(lock, 0)
    free?.[Symbol.dispose]()
    return free === undefined
  }
  return {
    isHeld,
    async released(signal) {
      while (isHeld()) await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
      signal.throwIfAborted()
    },
  }
}

/** For a store that no backup copies. */
export const NO_HOLD: RemovalHold = { isHeld: () => false, released: async () => {} }
