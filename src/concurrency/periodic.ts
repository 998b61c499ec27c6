export interface ScheduleOptions {
  /** Milliseconds between the end of one run and the next. */
  readonly intervalMs: number
  readonly now: () => number
  /** When a run last came to its end, also before this process began; undefined when none ever did. */
  readonly lastFinish: () => number | undefined
  /** Must not reject. */
  readonly run: () => Promise<unknown>
}

/** A timer does not see that the clock was set, or that the machine slept: look again. Also timers end at 24 days. */
const LOOK_AGAIN = 3_600_000

/** Runs once an interval, counted from the last run's end over restarts: none is skipped, none repeated. */
export function schedule({ intervalMs, now, lastFinish, run }: ScheduleOptions): Disposable {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  // one that failed may have left no trace in the database
  let tried = Number.NEGATIVE_INFINITY

  const wait = (): number => {
    const at = now()
    const last = Math.max(lastFinish() ?? Number.NEGATIVE_INFINITY, tried)
    // of a clock that was ahead: never longer than an interval from now
    return Math.max(0, Math.min(last + intervalMs - at, intervalMs))
  }
  const look = (): void => {
    if (wait() > 0) arm()
    else
      void run().then(() => {
        tried = now()
        arm()
      })
  }
  const arm = (): void => {
    if (!isStopped) timer = setTimeout(look, Math.min(wait(), LOOK_AGAIN)).unref()
  }

  arm()
  return {
    [Symbol.dispose]() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
