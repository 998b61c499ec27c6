/** Sizes of buffers in bytes: the amount of one read. */
const LARGE = 1 << 20
const SMALL = 64 << 10
/** Maximum number of large buffers in use; further readers get small ones, so that slow clients cost little memory. */
const LARGE_IN_USE = 32
/** Maximum number of unused buffers kept of each size. */
const KEPT = 8

/** A buffer in use. Return it once, when nothing reads or writes it. */
export interface BufferLease {
  readonly buffer: Buffer
  /** Returns the buffer to the pool. */
  giveBack(): void
  /** Leaves the buffer to the garbage collector, because something may still use it. */
  abandon(): void
}

/** Reusable buffers for reading files. */
export class BufferPool {
  readonly #free: Record<number, Buffer[]> = { [LARGE]: [], [SMALL]: [] }
  #largeInUse = 0
  #inUse = 0

  /** Number of buffers in use. */
  get inUse(): number {
    return this.#inUse
  }

  /** Takes a buffer for at most `wanted` bytes; it may be smaller. */
  take(wanted: number): BufferLease {
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
