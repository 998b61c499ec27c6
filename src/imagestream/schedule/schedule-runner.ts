import { type SetTimer, systemTimer } from '../../concurrency/clock.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Importer } from '../import/import.ts'
import type { Schedules } from './schedule.ts'

export interface ScheduleRunnerDependencies {
  readonly db: Database
  readonly schedules: Schedules
  readonly importer: Pick<Importer, 'request'>
  /** Maximum number of streams that are imported in a minute, evenly spaced. */
  readonly perMinute: number
  /** Returns the time until which imports of a namespace wait, in milliseconds since 1970; undefined, or a time in the past, for now. */
  readonly waitsUntil: (namespace: string) => number | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Receives errors of the database; the runner tries again after a minute. */
  readonly onError: (error: unknown) => void
  readonly setTimer?: SetTimer
}

/** Requests scheduled imports when they are due. */
export type ScheduleRunner = ReturnType<typeof createScheduleRunner>

const MINUTE = 60_000
/** Milliseconds after which the clock is read again: a timer does not notice that it was set, or that the machine slept. */
const MAX_TIMER = MINUTE

export function createScheduleRunner(dependencies: ScheduleRunnerDependencies) {
  const {
    db,
    schedules,
    importer,
    perMinute,
    waitsUntil,
    now,
    onError,
    setTimer = systemTimer,
  } = dependencies
  const distance = MINUTE / perMinute
  let lastRequested = Number.NEGATIVE_INFINITY
  let cancelTimer = (): void => {}
  let stopListening = (): void => {}
  let isStopped = false

  /** Returns the milliseconds until a stream may be imported. */
  const wait = (dueAt: number): number => {
    const at = now()
    // not in the future: the clock may have been set back since
    lastRequested = Math.min(lastRequested, at)
    return Math.ceil(Math.max(dueAt, lastRequested + distance) - at)
  }
  const untilNext = (): number =>
    Math.min(wait(schedules.next()?.dueAt ?? Number.POSITIVE_INFINITY), MAX_TIMER)

  const requestNext = (tx: Transaction): boolean => {
    schedules.pullIn(tx)
    const next = schedules.next()
    if (!next || wait(next.dueAt) > 0) return false
    const until = waitsUntil(next.namespace)
    // a time in the past would make the stream due again at once
    if (until !== undefined && until > now()) {
      schedules.postpone(tx, next.streamId, until)
      return false
    }
    importer.request(tx, next.streamId, schedules.take(tx, next.streamId))
    return true
  }

  const arm = (before?: () => void): void => {
    let milliseconds = MAX_TIMER
    try {
      before?.()
      milliseconds = Math.max(untilNext(), 0)
    } catch (error) {
      // the caller is a timer or a commit of another room: it must not fail
      onError(error)
    }
    if (isStopped) return
    cancelTimer()
    cancelTimer = setTimer(wake, milliseconds)
  }
  const wake = (): void =>
    arm(() => {
      if (db.transact(requestNext)) lastRequested = now()
    })

  return {
    /** Starts. Overdue imports run first, the longest overdue before all, at the same rate as all others. */
    start(): void {
      db.transact((tx) => schedules.restore(tx))
      lastRequested = now()
      stopListening = schedules.onChanged(arm)
      arm()
    },
    [Symbol.dispose]() {
      isStopped = true
      stopListening()
      cancelTimer()
    },
  }
}
