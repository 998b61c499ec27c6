const callbacksOf = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back once when the signal is aborted; the signal must not be aborted yet. Returns a function that removes the
 * callback. Adds one listener per signal, however many callbacks it has: thousands of requests share a signal, and an
 * EventTarget finds each of its listeners by walking a list.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = callbacksOf.get(signal)
  if (!callbacks) {
    const all = new Set<() => void>()
    callbacks = all
    callbacksOf.set(signal, all)
    signal.addEventListener('abort', () => all.forEach((call) => void call()), { once: true })
  }
  const own = callbacks
  own.add(callback)
  return () => void own.delete(callback)
}

/** Settles as the promise does, or rejects with the signal's reason once it is aborted; the work behind the promise continues. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const unwatch = signal.aborted ? () => {} : onAbort(signal, () => reject(signal.reason))
    if (signal.aborted) reject(signal.reason)
    promise.then(resolve, reject).finally(unwatch)
  })
}

/**
 * A signal that is aborted after the milliseconds, or with one of the others. `AbortSignal.any` with `AbortSignal.timeout` does
 * the same, but in Node.js 20 the timeout can be collected as garbage before it fires.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #stop: readonly (() => void)[]

  constructor(milliseconds: number, ...others: readonly AbortSignal[]) {
    const timer = setTimeout(() => this.#controller.abort(), milliseconds).unref()
    const follow = (other: AbortSignal) => {
      if (!other.aborted) return onAbort(other, () => this.#controller.abort(other.reason))
      this.#controller.abort(other.reason)
      return () => {}
    }
    this.#stop = [() => clearTimeout(timer), ...others.map(follow)]
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop()
  }
}
