/** Milliseconds after which fewer bytes are written, so that followers of a slow source get them. */
const WRITE_DELAY = 50
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

/** The file of a writer. */
interface WriterTarget {
  /** Writes the pieces after all earlier ones. */
  write(pieces: Uint8Array[]): Promise<void>
  /** Called after each write, when its bytes no longer count as unwritten. */
  onWritten(size: number): void
  /** Called when a write fails. */
  onError(error: unknown): void
}

/** Collects bytes, and writes them one batch after the other. */
export class BackgroundWriter {
  readonly #target: WriterTarget
  readonly #queue: WriteQueue
  #isFlushing = false
  #isStopped = false
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(target: WriterTarget, budget: WriteBudget) {
    this.#target = target
    this.#queue = new WriteQueue(budget)
  }

  /** Whether the source must wait. */
  get isFull(): boolean {
    return this.#queue.isFull
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#queue.push(bytes)
    if (this.#isDue()) this.#write()
    else this.#writeSoon()
  }

  /** Resolves when all pushed bytes are written, or the writer was stopped. */
  async flush(): Promise<void> {
    this.#isFlushing = true
    this.#write()
    await this.#writing
    this.#isFlushing = false
  }

  /** Drops the collected bytes. Resolves when no write is in progress. */
  async drop(): Promise<void> {
    this.#queue.release(this.#take().size)
    await this.#writing
  }

  /** Drops the collected bytes, and writes nothing more. */
  stop(): void {
    this.#isStopped = true
    this.#queue.release(this.#take().size)
  }

  #isDue(): boolean {
    const { isBatch, isEmpty, isFull } = this.#queue
    return isBatch || (!isEmpty && (this.#isFlushing || isFull))
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => {
      // also when a write is in progress: its end sets the next timer
      this.#timer = undefined
      this.#write()
    }, WRITE_DELAY)
  }

  #write(): void {
    if (this.#writing || this.#queue.isEmpty || this.#isStopped) return
    this.#writing = this.#writeBatches()
  }

  async #writeBatches(): Promise<void> {
    try {
      do await this.#writeBatch()
      while (this.#isDue())
    } catch (error) {
      this.#target.onError(error)
    } finally {
      // synchronously: bytes pushed from now on start the next write
      this.#writing = undefined
    }
    if (!this.#queue.isEmpty) this.#writeSoon()
  }

  async #writeBatch(): Promise<void> {
    const { pieces, size } = this.#take()
    try {
      await this.#target.write(pieces)
    } finally {
      this.#queue.release(size)
    }
    this.#target.onWritten(size)
  }

  #take(): ReturnType<WriteQueue['take']> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return this.#queue.take()
  }
}

/** Bytes of one upload that are not written yet: those that are collected, and those of the write in progress. */
class WriteQueue {
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
