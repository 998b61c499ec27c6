import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type PeriodicJob, startPeriodic } from '../../src/concurrency/periodic.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 1)

let job: Disposable | undefined
let runs: number[]
let errors: unknown[]

function start(options: Partial<PeriodicJob> = {}): void {
  job = startPeriodic({
    intervalMs: 5 * HOUR,
    now: Date.now,
    run: () => runs.push(hour()),
    onError: (error) => errors.push(error),
    ...options,
  })
}

/** Hours since the start of the test. */
const hour = (): number => (Date.now() - START) / HOUR
const pass = (hours: number): Promise<unknown> => vi.advanceTimersByTimeAsync(hours * HOUR)

beforeEach(() => {
  vi.useFakeTimers({ now: START })
  runs = []
  errors = []
})
afterEach(() => {
  job?.[Symbol.dispose]()
  vi.useRealTimers()
})

describe('a periodic job', () => {
  it('runs at once, and then an interval after the end of each run', async () => {
    start({
      async run() {
        runs.push(hour())
        await new Promise((resolve) => setTimeout(resolve, HOUR))
      },
    })
    await pass(13)
    expect(runs).toEqual([0, 6, 12])
  })

  it('counts the interval from the last run of an earlier process', async () => {
    start({ lastFinish: () => START - 3 * HOUR })
    await pass(3)
    expect(runs).toEqual([2])
  })

  it('waits no longer than an interval when the last run ended in the future', async () => {
    start({ lastFinish: () => START + 1000 * HOUR })
    await pass(6)
    expect(runs).toEqual([5])
  })

  it('runs an interval after it notices that the clock was set back', async () => {
    let behind = 0
    start({ now: () => Date.now() - behind })
    await pass(1)
    behind = 1000 * HOUR
    await pass(7)
    expect(runs).toEqual([0, 7])
  })

  it('notices within an hour that the clock was set forward', async () => {
    let ahead = 0
    start({ intervalMs: 1000 * HOUR, now: () => Date.now() + ahead, lastFinish: () => START })
    await pass(1.5)
    ahead = 2000 * HOUR
    await pass(0.5)
    expect(runs).toEqual([2])
  })

  it('waits for its first delay when no run has ended before', async () => {
    start({ firstDelayMs: HOUR })
    await pass(7)
    expect(runs).toEqual([1, 6])
  })

  it('reports an error and runs again after the retry interval', async () => {
    start({
      retryMs: HOUR,
      async run() {
        runs.push(hour())
        if (runs.length < 3) throw new Error('failed')
      },
    })
    await pass(7)
    expect(runs).toEqual([0, 1, 2, 7])
    expect(errors).toHaveLength(2)
  })

  it('reports that the last run cannot be read, and continues', async () => {
    let isBroken = true
    start({
      lastFinish() {
        if (isBroken) throw new Error('disk I/O error')
        return START
      },
    })
    await pass(0.5)
    expect(runs).toEqual([])
    expect(errors.length).toBeGreaterThan(0)
    isBroken = false
    await pass(5)
    expect(runs).toEqual([5])
  })

  it('does not run again after it was disposed of, also during a run', async () => {
    start({
      run() {
        runs.push(hour())
        job?.[Symbol.dispose]()
      },
    })
    await pass(20)
    expect(runs).toEqual([0])
  })
})
