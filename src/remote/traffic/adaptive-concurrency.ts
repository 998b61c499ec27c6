/**
 * Number of requests that one host receives at a time. It halves when the host refuses a request for load, and grows by
 * one for each full set of successful requests (additive increase, multiplicative decrease, as in TCP).
 */
export class AdaptiveConcurrency {
  #allowed: number
  /** Fractional: each success adds a part of one. */
  #size: number
  #sent = 0
  /** Value of `#sent` at the last decrease. */
  #sentBeforeDecrease = 0

  constructor(allowed: number) {
    this.#allowed = allowed
    this.#size = allowed
  }

  /** A whole number from 1. */
  get size(): number {
    return Math.max(1, Math.floor(this.#size))
  }

  /** Changes the maximum. A size that was decreased for load does not grow by this. */
  set allowed(allowed: number) {
    const isDecreased = this.#size < this.#allowed
    this.#size = isDecreased ? Math.min(this.#size, allowed) : allowed
    this.#allowed = allowed
  }

  /** Counts a request that is sent. Returns its number, for `decrease`. */
  countSent(): number {
    this.#sent += 1
    return this.#sent
  }

  /** Halves the size. Requests that were sent before the last decrease do not decrease it again. */
  decrease(request: number): void {
    if (request <= this.#sentBeforeDecrease) return
    this.#size = Math.max(1, this.#size / 2)
    this.#sentBeforeDecrease = this.#sent
  }

  /** Grows after a successful request. */
  increase(): void {
    this.#size = Math.min(this.#allowed, this.#size + 1 / this.#size)
  }
}
