/** The best few of any number that pass by. */
export interface Best<T> {
  add(item: T): void
  /** Best first. */
  take(): readonly T[]
}

/**
 * Keeps the best `count`; `compare` is above 0 when the first is the better one. Never holds more than twice as many, so
 * that ten thousand cost no sort of ten thousand.
 */
export function createBest<T>(count: number, compare: (a: T, b: T) => number): Best<T> {
  let kept: T[] = []
  /** Better than what can no longer be among the best. */
  let worst: T | undefined
  const cut = (): void => {
    kept.sort((a, b) => compare(b, a))
    kept = kept.slice(0, count)
    if (kept.length === count) worst = kept.at(-1)
  }
  return {
    add(item) {
      if (count === 0 || (worst !== undefined && compare(item, worst) < 0)) return
      kept.push(item)
      if (kept.length >= 2 * count) cut()
    },
    take() {
      cut()
      return kept
    },
  }
}
