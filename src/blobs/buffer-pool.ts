/** Bytes: what is read from the disk at once. */
const LARGE = 1 << 20
const SMALL = 64 << 10
/** Large buffers that may be in use: whoever comes then reads in small ones, so that slow clients cost little memory. */
const LARGE_IN_USE = 32
/** Buffers of each size that wait for their next use. */
const KEPT = 8

/** A buffer in use. Give it back once, when nothing reads or writes it any more. */
export interface Lease {
  readonly buffer: Buffer
  /** For the next one. */
  giveBack(): void
  /** When somebody may still hold it: it is left to the garbage collector. */
  abandon(): void
}

/** Buffers for reading files, used again and again. */
export class BufferPool {
  readonly #free: Record<number, Buffer[]> = { [LARGE]: [], [SMALL]: [] }
  #largeInUse = 0
  #inUse = 0

  /** Buffers that are in use. */
  get inUse(): number {
    return this.#inUse
  }

  /** A buffer for at most `wanted` bytes at once; it may have room for less. */
  take(wanted: number): Lease {
    const size = wanted > SMALL && this.#largeInUse < LARGE_IN_USE ? LARGE : SMALL
    const buffer = this.#free[size]?.pop() ?? Buffer.allocUnsafeSlow(size)
    if (size === LARGE) this.#largeInUse++
    this.#inUse++
    let isOut = true
    const end = (isFree: boolean): void => {
      if (!isOut) return
      isOut = false
      this.#inUse--
      if (size === LARGE) this.#largeInUse--
      const free = this.#free[size]
      if (isFree && free && free.length < KEPT) free.push(buffer)
    }
    return { buffer, giveBack: () => end(true), abandon: () => end(false) }
  }
}
