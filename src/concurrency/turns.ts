/** What a client has used of something that clients use in turns. */
export interface Share {
  /** Milliseconds, raised to about those of the others whenever it comes back: time without a wish gives no credit. */
  used: number
}

/**
 * Milliseconds by which a share may be ahead of the others before it is their turn, and those of the advantage of one that comes
 * back. Work that needs less is done in one go: what several works have made halfway stays in memory, and the garbage collector
 * copies it again and again.
 */
const LEAD = 10

/** Divides turns equally between the shares that wait for them. Source: start-time fair queueing. */
export class Turns<One extends Share> {
  readonly #waiting = new Set<One>()
  #last: One | undefined
  /** What the share with the last turn had used before it. */
  #time = 0

  /** Number of the shares that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Lets a share wait. */
  add(share: One): void {
    if (this.#waiting.has(share)) return
    share.used = Math.max(share.used, this.#time - LEAD)
    this.#waiting.add(share)
  }

  delete(share: One): void {
    this.#waiting.delete(share)
  }

  /** Returns the share that is due: the one that had the last turn until it is ahead, then the one that has used least. */
  due(isEligible: (share: One) => boolean = () => true): One | undefined {
    let first: One | undefined
    for (const share of this.#waiting) {
      if ((!first || share.used < first.used) && isEligible(share)) first = share
    }
    const last = this.#last
    const goesOn =
      first && last && this.#waiting.has(last) && last.used - first.used < LEAD && isEligible(last)
    this.#last = goesOn ? last : first
    if (this.#last) this.#time = Math.max(this.#time, this.#last.used)
    return this.#last
  }

  /** Notes what a share has used. */
  charge(share: One, milliseconds: number): void {
    share.used += milliseconds
    // what was used while no one else waited is no debt
    if (this.#waiting.size === 0) this.#time = Math.max(this.#time, share.used)
  }
}
