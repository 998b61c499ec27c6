/** How much may come, and how fast it may come again. */
export interface BucketSize {
  readonly capacity: number
  readonly perSecond: number
}

interface Bucket {
  tokens: number
  at: number
}

/** Names whose buckets are remembered; of more, those that were quiet longest are full again. */
const MAX_BUCKETS = 10_000

/** One bucket of tokens for each name: what takes the last one has to wait. */
export class Buckets {
  readonly #size: BucketSize
  readonly #now: () => number
  readonly #buckets = new Map<string | number, Bucket>()

  /** `now` in milliseconds, and never backwards. */
  constructor(size: BucketSize, now: () => number) {
    this.#size = size
    this.#now = now
  }

  /** Takes a token. Seconds until there is one again, 0 when there was. */
  take(name: string | number): number {
    const { capacity, perSecond } = this.#size
    const at = this.#now()
    const old = this.#buckets.get(name) ?? { tokens: capacity, at }
    const tokens = Math.min(capacity, old.tokens + (Math.max(0, at - old.at) / 1000) * perSecond)
    const isThere = tokens >= 1
    // behind all others: the first of a map is the one that was quiet longest
    this.#buckets.delete(name)
    this.#buckets.set(name, { tokens: isThere ? tokens - 1 : tokens, at })
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value ?? '')
    return isThere ? 0 : Math.ceil((1 - tokens) / perSecond)
  }
}
