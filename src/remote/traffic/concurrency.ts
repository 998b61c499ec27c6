/**
 * How many requests a host is sent at a time: as many as are allowed until it has too many, then half as many, and one
 * more each time that so many went well (additive increase, multiplicative decrease, as TCP does).
 */
export class Concurrency {
  #allowed: number
  /** With the fractions that it grew by. */
  #size: number
  /** Requests that were sent so far, and those that were when it was halved last. */
  #sent = 0
  #sentBeforeCut = 0

  constructor(allowed: number) {
    this.#allowed = allowed
    this.#size = allowed
  }

  /** A whole number from 1. */
  get size(): number {
    return Math.max(1, Math.floor(this.#size))
  }

  /** Changes what is allowed; what is less than that because the host had too many stays so. */
  set allowed(allowed: number) {
    const isCut = this.#size < this.#allowed
    this.#size = isCut ? Math.min(this.#size, allowed) : allowed
    this.#allowed = allowed
  }

  /** Notes that a request is sent; returns its number, to be told of with what comes of it. */
  send(): number {
    this.#sent += 1
    return this.#sent
  }

  /** The host has too many. Those that were sent before it was last told so are part of the same news. */
  shrink(request: number): void {
    if (request <= this.#sentBeforeCut) return
    this.#size = Math.max(1, this.#size / 2)
    this.#sentBeforeCut = this.#sent
  }

  /** A request went well. */
  grow(): void {
    this.#size = Math.min(this.#allowed, this.#size + 1 / this.#size)
  }
}
