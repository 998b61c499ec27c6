import { RateLimitedError } from '../../access/right/errors.ts'
import { TokenBuckets } from '../../concurrency/token-bucket.ts'

/** Seconds. */
const WINDOW = 60

/** What one party may use in a minute. */
interface Policy {
  /** Name in the headers: letters and dashes. */
  readonly name: string
  /** What is counted: `points`. */
  readonly unit: string
  /** How much of it; 0 for no limit. */
  readonly perMinute: number
}

/** Milliseconds, monotonic. */
const monotonic = (): number => performance.now()

/**
 * Limits what each party uses: a minute's worth at once, and then as much as is added each second. An operation begins while
 * something is left, and may use more than that: its party then waits longer.
 */
export class RateLimit {
  readonly #policy: Policy
  readonly #buckets: TokenBuckets | undefined
  readonly #perSecond: number

  constructor(policy: Policy, now = monotonic) {
    this.#policy = policy
    this.#perSecond = policy.perMinute / WINDOW
    const size = { capacity: policy.perMinute, perSecond: this.#perSecond }
    this.#buckets = policy.perMinute > 0 ? new TokenBuckets(size, now) : undefined
  }

  /** Takes one for a request. Throws RateLimitedError when the party has nothing left. */
  admit(party: string): void {
    const wait = this.#buckets?.take(party) ?? 0
    const { perMinute, unit } = this.#policy
    if (wait > 0) throw new RateLimitedError(`at most ${perMinute} ${unit} are allowed in a minute`, wait)
  }

  /** Takes what a request costs beside that. */
  charge(party: string, cost: number): void {
    this.#buckets?.spend(party, cost)
  }

  /**
   * Returns the headers that tell a party its limit, what is left, and the seconds until all of it is available again. Source:
   * draft-ietf-httpapi-ratelimit-headers-10.
   */
  headers(party: string): Map<string, string> {
    if (!this.#buckets) return new Map()
    const { name, unit, perMinute } = this.#policy
    const left = this.#buckets.left(party)
    const full = Math.ceil((perMinute - left) / this.#perSecond)
    return new Map([
      ['RateLimit-Policy', `"${name}";q=${perMinute};qu="${unit}";w=${WINDOW}`],
      ['RateLimit', `"${name}";r=${Math.max(0, Math.floor(left))};t=${full}`],
    ])
  }
}
