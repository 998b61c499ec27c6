import { type WriteBudget, WriteQueue } from './write-queue.ts'

/** Milliseconds after which fewer bytes are written, so that followers of a slow source get them. */
const WRITE_DELAY = 50

/** The file of a writer. */
export interface WriterTarget {
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
