/** Works on so many items at a time, in order; takes no new ones after the first rejection. */
export async function eachInFlight<Item>(
  items: Generator<Item, void>,
  inFlight: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // all workers take from the same generator; the loop that an error leaves closes it for all of them
  const worker = async (): Promise<void> => {
    for (const item of items) await work(item)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
