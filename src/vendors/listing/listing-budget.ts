import { OddShapeError, TooLongError } from './errors.ts'
import type { VendorLimits } from './limits.ts'

/** Counts the requests of one listing, which begins when it is created. */
export class ListingBudget {
  readonly #limits: Pick<VendorLimits, 'requests' | 'listingTime'>
  readonly #now: () => number
  readonly #deadline: number
  readonly #sent = new Set<string>()
  #requests = 0

  /** `now` in milliseconds. */
  constructor(limits: Pick<VendorLimits, 'requests' | 'listingTime'>, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#deadline = now() + limits.listingTime
  }

  /** Counts a request. Throws TooLongError beyond the limits, OddShapeError for a repeated request unless `mayRepeat`. */
  spend(request: string, mayRepeat = false): void {
    if (this.#sent.has(request) && !mayRepeat) {
      throw new OddShapeError('it leads back to pages that were read already')
    }
    this.#sent.add(request)
    this.#requests += 1
    if (this.#requests > this.#limits.requests) {
      throw new TooLongError(`it takes more than ${this.#limits.requests} requests`)
    }
    if (this.#now() > this.#deadline) {
      throw new TooLongError(`it takes more than ${this.#limits.listingTime / 1000} seconds`)
    }
  }
}
