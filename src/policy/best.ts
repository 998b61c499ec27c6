/**
 * Creates a collection of the best `count` items; `compare` returns a number above 0 when its first argument is better.
 * Holds at most twice as many, and so never sorts the whole sequence.
 */
export function createBest<T>(count: number, compare: (a: T, b: T) => number) {
  let kept: T[] = []
  /** Items below this one cannot be among the best. */
  let worst: T | undefined
  const cut = (): void => {
    kept.sort((a, b) => compare(b, a))
    kept = kept.slice(0, count)
    if (kept.length === count) worst = kept.at(-1)
  }
  return {
    add(item: T): void {
      if (count === 0 || (worst !== undefined && compare(item, worst) < 0)) return
      kept.push(item)
      if (kept.length >= 2 * count) cut()
    },
    /** Returns the best items, the best first. */
    take(): readonly T[] {
      cut()
      return kept
    },
  }
}
