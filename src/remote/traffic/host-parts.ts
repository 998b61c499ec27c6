import { type BreakerStatus, type CircuitBreaker, CLOSED_STATUS } from './circuit-breaker.ts'
import { IdleMap } from './idle-map.ts'

/** Parts of one host that are remembered. */
const MAX_PARTS = 1000

const OF_REPOSITORY = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//

/** Returns the part of a host that a URL concerns: a repository, the tokens for one scope, or another path. */
export function partOf(url: URL): string {
  const repository = OF_REPOSITORY.exec(url.pathname)?.[1]
  return repository ?? [url.pathname, ...url.searchParams.getAll('scope')].join(' ')
}

/** The circuit breakers of the parts of one host: a repository that fails does not stop requests for the others. */
export class HostParts {
  readonly #breakers = new IdleMap<CircuitBreaker>(MAX_PARTS, { dropsBusy: true })
  readonly #newBreaker: () => CircuitBreaker

  constructor(newBreaker: () => CircuitBreaker) {
    this.#newBreaker = newBreaker
  }

  /** Whether no part has an open circuit. */
  get idle(): boolean {
    for (const [, { state }] of this.#breakers) if (state === 'OPEN') return false
    return true
  }

  /** State of the part that was requested last, of those whose circuit is not closed. */
  get status(): BreakerStatus {
    return [...this.#breakers].findLast(([, { state }]) => state !== 'CLOSED')?.[1].status ?? CLOSED_STATUS
  }

  breakerOf(part: string): CircuitBreaker {
    return this.#breakers.getOrCreate(part, this.#newBreaker)
  }

  /** Closes circuits that opened after failures. */
  reset(): void {
    for (const [, breaker] of this.#breakers) breaker.reset()
  }
}
