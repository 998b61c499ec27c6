/**
 * Works on the items in order, at most `limit` at a time. Starts no further item after the first rejection, and rejects
 * with it.
 */
export async function forEachBounded<Item>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // all workers take from one iterator; the loop that an error leaves closes a generator for all of them
  const shared = items[Symbol.iterator]()
  const rest: Iterable<Item> = { [Symbol.iterator]: () => shared }
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}

/** Results of the work in the order of the items, with at most `limit` items at a time. Rejects with the first rejection. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  await forEachBounded(items.entries(), Math.min(limit, items.length), async ([at, item]) => {
    results[at] = await work(item)
  })
  return results
}
