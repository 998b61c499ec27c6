import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.ts'

/** Size and refill rate of a bucket. */
export interface BucketSize {
  /** Tokens of a full bucket. */
  readonly capacity: number
  /** Tokens that are added each second; a fraction is allowed. */
  readonly perSecond: number
}

interface Level {
  readonly tokens: number
  /** Time of the count, in milliseconds since 1970. */
  readonly at: number
}

/** Returns the level at a later time. A clock that was set back adds no tokens. */
const refilled = ({ tokens, at }: Level, { capacity, perSecond }: BucketSize, now: number): Level => ({
  tokens: Math.min(tokens + (Math.max(0, now - at) / 1000) * perSecond, capacity),
  at: now,
})

/** A token bucket for one rate of requests, with one second's worth as its capacity. Without a rate every request passes. */
export class TokenBucket {
  readonly #clock: Clock
  #rate: number | null = null
  #level: Level = { tokens: 0, at: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Requests per second, a positive number; null for no limit. */
  get rate(): number | null {
    return this.#rate
  }

  set rate(rate: number | null) {
    if (rate === this.#rate) return
    this.#refill()
    // a limit after no limit starts with one second's worth
    const tokens = this.#rate === null ? Number.POSITIVE_INFINITY : this.#level.tokens
    this.#level = { tokens: Math.min(tokens, burstOf(rate)), at: this.#clock.now() }
    this.#rate = rate
  }

  /** Takes a token, and reports whether there was one. */
  take(): boolean {
    if (this.#rate === null) return true
    this.#refill()
    if (this.#level.tokens < 1) return false
    this.#level = { ...this.#level, tokens: this.#level.tokens - 1 }
    return true
  }

  /** Resolves when a token is due; rejects with the signal's reason once it is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#rate === null) return
    const { tokens, at } = this.#level
    // one more millisecond: a timer may be early, and a sum of fractions a little short
    const missing = ((1 - tokens) / this.#rate) * 1000 - (this.#clock.now() - at)
    await this.#clock.sleep(Math.max(1, Math.ceil(missing) + 1), signal)
  }

  #refill(): void {
    const size = { capacity: burstOf(this.#rate), perSecond: this.#rate ?? 0 }
    this.#level = refilled(this.#level, size, this.#clock.now())
  }
}

/** Returns one second's worth, but at least one whole request. */
const burstOf = (rate: number | null): number => Math.max(1, rate ?? 1)

/** Maximum number of buckets kept; the least recently used is dropped and starts full again. */
const MAX_BUCKETS = 10_000

/** One token bucket for each name. */
export class TokenBuckets {
  readonly #size: BucketSize
  readonly #now: () => number
  readonly #levels = new LRUCache<string | number, Level>({ max: MAX_BUCKETS })

  /** `now` returns milliseconds. */
  constructor(size: BucketSize, now: () => number) {
    this.#size = size
    this.#now = now
  }

  /** Takes a token of the name's bucket. Returns the seconds until one is available: 0 when one was taken. */
  take(name: string | number): number {
    const wait = this.wait(name)
    if (wait === 0) this.spend(name, 1)
    return wait
  }

  /** Returns the seconds until a token of the name's bucket is available. */
  wait(name: string | number): number {
    return Math.max(0, Math.ceil((1 - this.#refill(name).tokens) / this.#size.perSecond))
  }

  /** Takes tokens even where fewer are left; what is missing is refilled first. */
  spend(name: string | number, tokens: number): void {
    const level = this.#refill(name)
    this.#levels.set(name, { ...level, tokens: level.tokens - tokens })
  }

  /** Returns the tokens in the name's bucket: fewer than 0 where more were spent. */
  left(name: string | number): number {
    return this.#refill(name).tokens
  }

  #refill(name: string | number): Level {
    const now = this.#now()
    const level = refilled(
      this.#levels.get(name) ?? { tokens: this.#size.capacity, at: now },
      this.#size,
      now,
    )
    this.#levels.set(name, level)
    return level
  }
}
