/** Milliseconds after which the clock is read again: a timer does not notice that the clock was set, or that the machine
 *  slept, and cannot be longer than 24 days. */
const MAX_TIMER = 3_600_000

/** Work that is repeated for as long as the process runs. */
export interface PeriodicJob {
  /** Milliseconds between the end of one run and the start of the next. */
  readonly intervalMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /**
   * When a run last ended, also in an earlier process, in milliseconds since 1970; undefined when none has. Without it
   * the first run starts at once.
   */
  readonly lastFinish?: () => number | undefined
  readonly run: () => unknown
  /** Receives what a run throws or rejects with; the next run is due as usual. */
  readonly onError: (error: unknown) => void
}

/** Runs the job once an interval, counted from the end of the last run across restarts, until it is disposed of. */
export function startPeriodic({ intervalMs, now, lastFinish, run, onError }: PeriodicJob): Disposable {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  // a run that failed may have left no trace in the database
  let tried = Number.NEGATIVE_INFINITY

  const delay = (): number => {
    const at = now()
    const last = Math.max(lastFinish?.() ?? Number.NEGATIVE_INFINITY, tried)
    // a finish in the future was written by a clock that was ahead
    return Math.max(0, Math.min(last + intervalMs - at, intervalMs))
  }
  const arm = (): void => {
    if (!isStopped) timer = setTimeout(check, Math.min(delay(), MAX_TIMER)).unref()
  }
  const check = (): void => {
    if (delay() > 0) arm()
    else void attempt().then(arm)
  }
  const attempt = async (): Promise<void> => {
    try {
      await run()
    } catch (error) {
      onError(error)
    }
    tried = now()
  }

  arm()
  return {
    [Symbol.dispose]() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
