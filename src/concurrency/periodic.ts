/**
 * Milliseconds after which the clock is read again: a timer does not notice that the clock was set or that the machine
 * slept, and cannot be longer than 24 days.
 */
const MAX_TIMER = 3_600_000

/** Work that is repeated for as long as the process runs. */
export interface PeriodicJob {
  /** Milliseconds between the end of one run and the start of the next. */
  readonly intervalMs: number
  /** Milliseconds between the end of a failed run and the start of the next; `intervalMs` unless given. */
  readonly retryMs?: number
  /** Milliseconds before the first run when no run has ended before; 0 unless given. */
  readonly firstDelayMs?: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /**
   * Returns when a run last ended, also in an earlier process, in milliseconds since 1970; undefined when none has.
   * Without it every process starts with a run.
   */
  readonly lastFinish?: () => number | undefined
  readonly run: () => unknown
  /** Receives what a run, or `lastFinish`, throws; the next run is due as usual. */
  readonly onError: (error: unknown) => void
}

/** Runs the job once an interval, counted from the end of the last run across restarts, until it is disposed of. */
export function startPeriodic(job: PeriodicJob): Disposable {
  const { intervalMs, firstDelayMs = 0, retryMs = intervalMs, now, run, onError } = job
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  // the end of the last run of this process, which may have failed and left no trace in the database; else its start
  let since = now()
  let state: 'new' | 'succeeded' | 'failed' = 'new'

  /** The end of the last run; undefined when there is none. For a time in the future, of a clock that was ahead, `since`. */
  const lastFinish = (at: number): number | undefined => {
    try {
      const finish = job.lastFinish?.()
      return finish !== undefined && finish > at ? since : finish
    } catch (error) {
      onError(error)
      return since
    }
  }
  /** Returns the milliseconds until the next run is due. */
  const delay = (): number => {
    const at = now()
    // in the future when the clock was set back
    since = Math.min(since, at)
    const finish = lastFinish(at)
    if (state === 'failed') return since + retryMs - at
    if (state === 'new') return finish === undefined ? since + firstDelayMs - at : finish + intervalMs - at
    return Math.max(since, finish ?? since) + intervalMs - at
  }
  const arm = (): void => {
    if (!isStopped) timer = setTimeout(check, Math.min(delay(), MAX_TIMER)).unref()
  }
  const check = (): void => {
    if (delay() > 0) arm()
    else void runOnce().then(arm)
  }
  const runOnce = async (): Promise<void> => {
    try {
      await run()
      state = 'succeeded'
    } catch (error) {
      state = 'failed'
      onError(error)
    }
    since = now()
  }

  arm()
  return {
    [Symbol.dispose]() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
