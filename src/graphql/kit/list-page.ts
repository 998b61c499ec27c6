import type { KeysetPage, PageKey } from '../../input/page.ts'

/**
 * Returns the rows of a page of a list in memory, and one more where the list continues. The list is sorted by the key,
 * which is unique.
 */
export function rowsOfList<Item>(
  sorted: readonly Item[],
  keyOf: (item: Item) => PageKey,
  { limit, after, before, fromEnd }: KeysetPage,
): readonly Item[] {
  const between = sorted.filter(
    (item) =>
      (!after || compareKeys(keyOf(item), after) > 0) && (!before || compareKeys(keyOf(item), before) < 0),
  )
  return fromEnd ? between.slice(-limit - 1) : between.slice(0, limit + 1)
}

const compareKeys = (one: PageKey, other: PageKey): number => {
  const at = one.findIndex((part, index) => part !== other[index])
  const [a, b] = [one[at], other[at]]
  return a == null || b == null || a === b ? 0 : a < b ? -1 : 1
}
