/** Milliseconds of a read that is made at each scrape. */
const CHEAP = 10
/** A longer read is made again after so many times its own duration: it takes at most one hundredth of the thread. */
const SHARE = 100

/**
 * Returns a function with the results of `read`, which bounds its cost however often it is called: a read that is slow, because
 * a table is large, is not repeated for a while, and the last result is returned meanwhile.
 */
export function sparing<Figures>(read: () => Figures, now = () => performance.now()): () => Figures {
  let known: { readonly figures: Figures; readonly until: number } | undefined
  return () => {
    const from = now()
    if (known && from < known.until) return known.figures
    const figures = read()
    const at = now()
    const cost = at - from
    known = { figures, until: cost < CHEAP ? at : at + cost * SHARE }
    return figures
  }
}
