import { type SetTimer, systemTimer } from '../../concurrency/clock.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Importer } from '../import/import.ts'
import type { Schedules } from './schedule.ts'

export interface ScheduleRunnerDependencies {
  readonly db: Database
  readonly schedules: Schedules
  readonly importer: Pick<Importer, 'request'>
  /** Streams that are asked in a minute at most, at even distances. */
  readonly perMinute: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told when the database refuses; it is tried again a minute later. */
  readonly onError: (error: unknown) => void
  readonly setTimer?: SetTimer
}

/** Imports what is due, when it is due. */
export interface ScheduleRunner extends Disposable {
  /** From now on. What is overdue comes first, the longest overdue one before all, no faster than everything else. */
  start(): void
}

const MINUTE = 60_000
/** A timer does not see that the clock was set, or that the machine slept: look again. */
const LOOK_AGAIN = MINUTE

export function createScheduleRunner(dependencies: ScheduleRunnerDependencies): ScheduleRunner {
  const { db, schedules, importer, perMinute, now, onError, setTimer = systemTimer } = dependencies
  const distance = MINUTE / perMinute
  let lastAsked = Number.NEGATIVE_INFINITY
  let cancelTimer = (): void => {}
  let stopListening = (): void => {}
  let isStopped = false

  /** Milliseconds until a stream may be asked. */
  const wait = (dueAt: number): number => {
    const at = now()
    // not in the future: the clock may have been set back since
    lastAsked = Math.min(lastAsked, at)
    return Math.ceil(Math.max(dueAt, lastAsked + distance) - at)
  }
  const untilNext = (): number =>
    Math.min(wait(schedules.next()?.dueAt ?? Number.POSITIVE_INFINITY), LOOK_AGAIN)

  const ask = (tx: Transaction): boolean => {
    schedules.pullIn(tx)
    const next = schedules.next()
    if (!next || wait(next.dueAt) > 0) return false
    importer.request(tx, next.streamId, schedules.take(tx, next.streamId))
    return true
  }

  const arm = (before?: () => void): void => {
    let milliseconds = LOOK_AGAIN
    try {
      before?.()
      milliseconds = Math.max(untilNext(), 0)
    } catch (error) {
      // nobody waits for this: whoever commits something, and a timer, must not fail by it
      onError(error)
    }
    if (isStopped) return
    cancelTimer()
    cancelTimer = setTimer(wake, milliseconds)
  }
  const wake = (): void =>
    arm(() => {
      if (db.transact(ask)) lastAsked = now()
    })

  return {
    start() {
      db.transact((tx) => schedules.restore(tx))
      lastAsked = now()
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
