import { type Sleep, systemClock } from '../concurrency/clock.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import { SingleFlight } from '../concurrency/single-flight.ts'
import type { ReconcileResult } from './reconcile.ts'

/** When the whole registry is scanned. */
export interface FullScanSchedule {
  /** Milliseconds between two full scans of the registry, ten minutes by default; null for no scheduled scans. */
  readonly reconcileEvery?: number | null
  /**
   * Milliseconds without a notification before a scheduled scan, counted from the start or the last notification; default
   * five seconds. The registry first repeats notifications that it could not deliver: they report each push, while a scan
   * finds only the last one.
   */
  readonly reconcileAfter?: number
  /** The system's unless given. */
  readonly sleep?: Sleep
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface FullScansDependencies extends FullScanSchedule {
  readonly scan: (signal: AbortSignal) => Promise<ReconcileResult>
  /** Aborts every scan. */
  readonly closing: AbortSignal
  /** Receives what a scheduled scan throws. */
  readonly onError: (error: unknown) => void
}

/** Milliseconds. */
const RECONCILE_EVERY = 10 * 60 * 1000
/** Milliseconds: longer than registries commonly wait before they repeat a notification. */
const RECONCILE_AFTER = 5000
/** Times that a scheduled scan waits so long for the end of notifications: some registries send them without a pause. */
const MAX_WAITS = 12
/** Milliseconds after which a failed scan is retried. */
const RETRY_RECONCILE = 60_000

/** Creates the full scans of a registry: one at a time, on request and by a schedule. */
export function createFullScans({ scan, closing, now, onError, ...schedule }: FullScansDependencies) {
  const { reconcileEvery = RECONCILE_EVERY, reconcileAfter = RECONCILE_AFTER } = schedule
  const { sleep = systemClock.sleep } = schedule
  const scans = new SingleFlight<ReconcileResult>()
  let notifiedAt = Number.NEGATIVE_INFINITY

  const join = (signal?: AbortSignal): Promise<ReconcileResult> =>
    scans.run('scan', () => scan(signal ? AbortSignal.any([signal, closing]) : closing))

  const afterNotifications = async (): Promise<ReconcileResult> => {
    for (let waits = 0; waits < MAX_WAITS && now() - notifiedAt < reconcileAfter; waits++) {
      await sleep(reconcileAfter, closing)
    }
    return join()
  }

  return {
    /** Runs a scan, or joins the one that runs. */
    join,
    /** Starts the scheduled scans; undefined where there are none. */
    start: (): Disposable | undefined =>
      reconcileEvery === null
        ? undefined
        : startPeriodic({
            intervalMs: reconcileEvery,
            retryMs: Math.min(reconcileEvery, RETRY_RECONCILE),
            firstDelayMs: reconcileAfter,
            now,
            run: afterNotifications,
            onError: (error) => {
              if (!closing.aborted) onError(error)
            },
          }),
    /** Postpones a scheduled scan, because a notification has arrived. */
    postpone(): void {
      notifiedAt = now()
    },
    /** Resolves when no scan runs. */
    idle: (): Promise<unknown> => Promise.allSettled(scans.inFlight),
  }
}
