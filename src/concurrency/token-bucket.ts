import type { Clock } from './clock.ts'

/**
 * So many requests a second, and up to one second's worth of them at once: a token bucket. Without a rate it lets
 * everything pass.
 */
export class Pace {
  readonly #clock: Clock
  #rate: number | null = null
  #tokens = 0
  /** Milliseconds since 1970, up to which the tokens are counted. */
  #countedTo = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Requests per second, positive, a fraction too; null for as many as come. */
  get rate(): number | null {
    return this.#rate
  }

  set rate(rate: number | null) {
    if (rate === this.#rate) return
    this.#refill()
    // what nobody limited before begins with one second's worth
    this.#tokens = Math.min(this.#rate === null ? Number.POSITIVE_INFINITY : this.#tokens, burstOf(rate))
    this.#rate = rate
    this.#countedTo = this.#clock.now()
  }

  /** Whether a request may be sent now; counts it when it may. */
  take(): boolean {
    if (this.#rate === null) return true
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Resolves when `take` is worth asking again; rejects with the signal's reason once it is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#rate === null) return
    // a hair more than what is missing, for a timer may be early and a sum of fractions a little short
    const missing = ((1 - this.#tokens) / this.#rate) * 1000 - (this.#clock.now() - this.#countedTo)
    await this.#clock.sleep(Math.max(1, Math.ceil(missing) + 1), signal)
  }

  #refill(): void {
    const now = this.#clock.now()
    const rate = this.#rate ?? 0
    // none for a clock that was set back
    const seconds = Math.max(0, now - this.#countedTo) / 1000
    this.#tokens = Math.min(this.#tokens + seconds * rate, burstOf(this.#rate))
    this.#countedTo = now
  }
}

/** A rate below one a second still has one request whole. */
const burstOf = (rate: number | null): number => Math.max(1, rate ?? 1)
