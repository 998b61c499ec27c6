/** Bytes collected for one write, and the maximum number of buffers in one call of the system. */
const BATCH = 1 << 20
const BATCH_PIECES = 1024
/** Unwritten bytes of one upload at which its source must wait. */
const FULL = 2 << 20
/** Unwritten bytes of all uploads at which sources with more than SHARE unwritten bytes must wait. */
const ALL_FULL = 32 << 20
const SHARE = 64 << 10

/** Counters that the uploads of a store share. */
export class WriteBudget {
  /** Unwritten bytes. */
  waiting = 0
  /** Background syncs in progress. */
  syncing = 0
}

/** Bytes of one upload that are not written yet: those that are collected, and those of the write in progress. */
export class WriteQueue {
  readonly #total: WriteBudget
  #pieces: Uint8Array[] = []
  #collected = 0
  #waiting = 0

  constructor(total: WriteBudget) {
    this.#total = total
  }

  get isEmpty(): boolean {
    return this.#collected === 0
  }

  /** Whether enough is collected for one write. */
  get isBatch(): boolean {
    return this.#collected >= BATCH || this.#pieces.length >= BATCH_PIECES
  }

  /** Whether the source must wait. */
  get isFull(): boolean {
    return (
      this.#waiting >= FULL ||
      this.#pieces.length >= 2 * BATCH_PIECES ||
      (this.#total.waiting >= ALL_FULL && this.#waiting >= SHARE)
    )
  }

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#collected += bytes.length
    this.#waiting += bytes.length
    this.#total.waiting += bytes.length
  }

  /** Removes the collected bytes for a write. They count as unwritten until `release`. */
  take(): { readonly pieces: Uint8Array[]; readonly size: number } {
    const taken = { pieces: this.#pieces, size: this.#collected }
    this.#pieces = []
    this.#collected = 0
    return taken
  }

  /** Notes that taken bytes are written or dropped. */
  release(size: number): void {
    this.#waiting -= size
    this.#total.waiting -= size
  }
}
