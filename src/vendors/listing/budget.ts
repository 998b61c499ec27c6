import { OddShapeError, TooLongError } from './errors.ts'

/** Limits of one listing. Times in milliseconds, sizes in bytes. */
export interface VendorLimits {
  /** Bytes of one response: some vendors send all tags in one. */
  readonly pageBytes: number
  readonly requests: number
  /** Limit of tags, and of earlier moves of tags. */
  readonly tags: number
  /** Time for one listing, including what its reader does between two pages. */
  readonly listingTime: number
  /** Time for which the vendor of a registry is cached. */
  readonly kindTime: number
  /** Size of each cache: vendors of registries, logins, and pages. */
  readonly remembered: number
}

export const DEFAULT_VENDOR_LIMITS: VendorLimits = {
  pageBytes: 16 * 1024 * 1024,
  requests: 1000,
  tags: 1_000_000,
  listingTime: 10 * 60_000,
  kindTime: 24 * 3_600_000,
  remembered: 1000,
}

/** Counts the requests of one listing, which begins when it is created. */
export class ListingBudget {
  readonly #limits: VendorLimits
  readonly #now: () => number
  readonly #deadline: number
  readonly #sent = new Set<string>()
  #requests = 0

  /** `now` in milliseconds. */
  constructor(limits: VendorLimits, now: () => number) {
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
