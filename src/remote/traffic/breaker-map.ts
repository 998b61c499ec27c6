import { type BreakerStatus, type CircuitBreaker, CLOSED_STATUS } from './circuit-breaker.ts'
import { IdleMap } from './idle-map.ts'

/** Circuit breakers of one host by key: of its accounts, or of its parts. The longest unused ones are dropped. */
export class BreakerMap {
  readonly #breakers: IdleMap<CircuitBreaker>
  readonly #newBreaker: () => CircuitBreaker

  constructor(max: number, newBreaker: () => CircuitBreaker) {
    this.#breakers = new IdleMap(max, { dropsBusy: true })
    this.#newBreaker = newBreaker
  }

  /** Whether no circuit is open. */
  get idle(): boolean {
    for (const [, { state }] of this.#breakers) if (state === 'OPEN') return false
    return true
  }

  get keys(): string[] {
    return [...this.#breakers].map(([key]) => key)
  }

  /** State of the breaker that was used last, of those whose circuit is not closed. */
  get lastStatus(): BreakerStatus {
    return [...this.#breakers].findLast(([, { state }]) => state !== 'CLOSED')?.[1].status ?? CLOSED_STATUS
  }

  statusOf(key: string): BreakerStatus {
    return this.#breakers.get(key)?.status ?? CLOSED_STATUS
  }

  /** Returns the breaker of the key, a new one if it has none. */
  breakerOf(key: string): CircuitBreaker {
    return this.#breakers.getOrCreate(key, this.#newBreaker)
  }

  /** Closes circuits that opened after failures. */
  reset(): void {
    for (const [, breaker] of this.#breakers) breaker.reset()
  }
}
