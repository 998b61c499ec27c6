import { type Problem, problemOf } from './problem.ts'

interface EventLoopOptions {
  /** Receives the seconds by which each tick was late. */
  readonly onDelay: (seconds: number) => void
  /** Milliseconds between two ticks. */
  readonly tickMs?: number
  /** Milliseconds of a delay that counts as a stall. */
  readonly stallMs?: number
  /** Milliseconds for which a stall is a problem: a probe of `/readyz` every few seconds must notice it. */
  readonly rememberMs?: number
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

/** Measures how late a timer fires, which is how long each request has to wait for the thread. */
export function watchEventLoop({
  onDelay,
  tickMs = 250,
  stallMs = 2_000,
  rememberMs = 10_000,
  now = () => performance.now(),
}: EventLoopOptions) {
  let due = now() + tickMs
  let stalledUntil = Number.NEGATIVE_INFINITY

  const note = (at: number): void => {
    if (at - due >= stallMs) stalledUntil = at + rememberMs
  }
  const tick = (): void => {
    const at = now()
    note(at)
    onDelay(Math.max(0, at - due) / 1_000)
    due = at + tickMs
    timer = setTimeout(tick, tickMs).unref()
  }
  let timer = setTimeout(tick, tickMs).unref()

  return {
    /** Returns the problem of a stall in the last seconds; also of one that has just ended, before its tick. */
    problem(): Problem | undefined {
      const at = now()
      note(at)
      return at < stalledUntil ? problemOf('EVENT_LOOP_STALLED') : undefined
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
