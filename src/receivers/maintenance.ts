import { startPeriodic } from '../concurrency/periodic.ts'
import type { Database } from '../db/open.ts'
import type { Schedules } from '../imagestream/schedule/schedule.ts'
import type { Announcements } from './announcements.ts'
import type { DeliveryLog } from './delivery-log.ts'
import type { HintWorker } from './worker.ts'

export interface ReceiverMaintenanceDependencies {
  readonly db: Database
  readonly log: DeliveryLog
  readonly announcements: Announcements
  readonly schedules: Pick<Schedules, 'quicken' | 'onChanged'>
  readonly worker: HintWorker
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives the error of a run, such as a full disk; the next run is due as usual. */
  readonly onError: (error: unknown) => void
}

const INTERVAL = 60_000

/**
 * Starts the work of receivers that no delivery triggers: trims the log, polls the sources of silent receivers as often as
 * other sources, and processes hints that are still open after a restart, an error, or the end of an import.
 */
export function startReceiverMaintenance(dependencies: ReceiverMaintenanceDependencies): Disposable {
  const { db, log, announcements, schedules, worker, now, onError } = dependencies
  const run = (): void => {
    try {
      db.transact((tx) => {
        log.trim(tx)
        schedules.quicken(tx, announcements.newlySilent())
      })
    } finally {
      worker.wake()
    }
  }
  const stopListening = schedules.onChanged(worker.wake)
  const job = startPeriodic({ intervalMs: INTERVAL, now, run, onError })
  return {
    [Symbol.dispose]() {
      job[Symbol.dispose]()
      stopListening()
    },
  }
}
