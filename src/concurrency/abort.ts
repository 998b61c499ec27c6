const watched = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back once when the signal, which is not aborted yet, is; the function that it returns takes that back. However
 * many watch a signal, it has one listener: thousands of requests share one, and each EventTarget listener is found by
 * walking a list.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = watched.get(signal)
  if (!callbacks) {
    const all = new Set<() => void>()
    callbacks = all
    watched.set(signal, all)
    signal.addEventListener('abort', () => all.forEach((call) => void call()), { once: true })
  }
  const own = callbacks
  own.add(callback)
  return () => void own.delete(callback)
}
