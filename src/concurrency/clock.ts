import { onAbort } from './abort.ts'

/** Source of the current time and of delays. Tests provide their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after the milliseconds; rejects with the signal's reason once it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
}

/** Waits, as `Clock.sleep`. */
export type Sleep = Clock['sleep']

/** Calls back after the milliseconds, or after 24 days if that is earlier. Returns a function that cancels the call. */
export type SetTimer = (callback: () => void, milliseconds: number) => () => void

/** The clock of the system. */
export const systemClock: Clock = {
  now: Date.now,
  sleep(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const unwatch = onAbort(signal, () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
      const timer = setTimeout(() => {
        unwatch()
        resolve()
      }, milliseconds)
    })
  },
}

/** Milliseconds of the longest timer of Node.js, which takes a longer one for 1 ms. */
const LONGEST_TIMER = 2 ** 31 - 1

/** A timer of the system that does not keep the process alive. */
export const systemTimer: SetTimer = (callback, milliseconds) => {
  const timer = setTimeout(callback, Math.min(milliseconds, LONGEST_TIMER)).unref()
  return () => clearTimeout(timer)
}
