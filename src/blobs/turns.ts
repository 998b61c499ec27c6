const waiting: (() => void)[] = []

/**
 * Calls back in a later turn of the event loop, and no two in the same: however many uploads there are, whoever asks
 * something small waits for a piece of one of them, not of each.
 */
export function inTurn(callback: () => void): void {
  if (waiting.push(callback) === 1) setImmediate(next)
}

function next(): void {
  const callback = waiting.shift()
  if (waiting.length > 0) setImmediate(next)
  callback?.()
}
