import { onAbort } from './abort.ts'

/** Time as the adapter sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after so many milliseconds; rejects with the signal's reason once it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
}

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

/** The promise, or the signal's reason once it is aborted; the promise itself goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const unwatch = signal.aborted ? () => {} : onAbort(signal, () => reject(signal.reason))
    if (signal.aborted) reject(signal.reason)
    promise.then(resolve, reject).finally(unwatch)
  })
}
