import type { FileHandle } from 'node:fs/promises'
import type { FreeSpace } from './free-space.ts'
import { writeAll } from './write-all.ts'

/** Bytes that are gathered for one write, and how many pieces of them the system takes at once. */
const BATCH = 1 << 20
const BATCH_PIECES = 1024
/** Milliseconds that bytes wait for company: a slow source's are not held in memory, nor from those who follow. */
const COMPANY = 50
/** Bytes of one upload that wait to be written before its source must wait. */
const FULL = 2 << 20
/** As much of all uploads together; then the source of each waits for nearly each of its own. */
const ALL_FULL = 32 << 20
const SHARE = 64 << 10
/** Bytes after which flushing to the disk begins, so that little is left for the last sync. */
const SYNC_EVERY = 8 << 20
/** Flushes that run before their time: each occupies one of the process's few file threads. */
const SYNCS_AT_ONCE = 2

/** What the uploads of a store share. */
export class WriteBudget {
  /** Bytes of all uploads that wait to be written. */
  waiting = 0
  syncing = 0
}

export interface UploadFileOptions {
  readonly budget: WriteBudget
  readonly space: FreeSpace
}

/** The end of an upload's file: gathers what comes in, writes it behind, flushes it behind. */
export class UploadFile {
  readonly handle: FileHandle
  /** More is in the file, or it failed. */
  onProgress: () => void = () => {}
  readonly #options: UploadFileOptions
  #written: number
  /** Up to where a finished sync has come. */
  #synced = 0
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #waiting = 0
  #isFlushing = false
  #writing: Promise<void> | undefined
  #syncing: Promise<void> | undefined
  #company: NodeJS.Timeout | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(handle: FileHandle, written: number, options: UploadFileOptions) {
    this.handle = handle
    this.#written = written
    this.#options = options
  }

  /** Bytes that can be read from the file. */
  get written(): number {
    return this.#written
  }

  /** Why nothing more is written: what the disk said. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  get isFull(): boolean {
    const { waiting } = this.#options.budget
    return (
      this.#waiting >= FULL ||
      this.#gathered.length >= 2 * BATCH_PIECES ||
      (waiting >= ALL_FULL && this.#waiting >= SHARE)
    )
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    this.#waiting += bytes.length
    this.#options.budget.waiting += bytes.length
    if (this.#isDue()) this.#write()
    else this.#writeSoon()
  }

  /** Everything pushed is in the file then, unless `failure` says otherwise. */
  async flush(): Promise<void> {
    this.#isFlushing = true
    this.#write()
    await this.#writing
    this.#isFlushing = false
  }

  /** Everything written is on the disk then. Rejects with what the disk said, also to an earlier flush. */
  async sync(): Promise<void> {
    // both at once: the one that runs already covers most of it
    await Promise.all([this.#syncing, this.handle.datasync()])
    if (this.#failure) throw this.#failure.error
  }

  /** Takes back what was pushed behind `size`. */
  async truncate(size: number): Promise<void> {
    this.#forget()
    await this.#writing
    if (size >= this.#written) return
    await this.handle.truncate(size)
    this.#written = size
    this.#synced = Math.min(this.#synced, size)
  }

  /** Closes the file when nothing is at work on it any more. */
  async close(): Promise<void> {
    this.#forget()
    await this.#writing
    await this.#syncing
    await this.handle.close()
  }

  #isDue(): boolean {
    const isBatch = this.#gatheredBytes >= BATCH || this.#gathered.length >= BATCH_PIECES
    return isBatch || (this.#gatheredBytes > 0 && (this.#isFlushing || this.isFull))
  }

  #writeSoon(): void {
    this.#company ??= setTimeout(() => this.#write(), COMPANY)
  }

  #write(): void {
    if (this.#writing || this.#gatheredBytes === 0 || this.#failure) return
    this.#writing = this.#writeGathered()
  }

  async #writeGathered(): Promise<void> {
    try {
      do await this.#writeBatch()
      while (this.#isDue())
    } catch (error) {
      this.#fail(error)
    } finally {
      // in this very turn: what is pushed from now on begins the next write
      this.#writing = undefined
    }
    if (this.#gatheredBytes > 0) this.#writeSoon()
  }

  async #writeBatch(): Promise<void> {
    const { budget, space } = this.#options
    const [pieces, size] = this.#takeGathered()
    try {
      await space.ensure()
      await writeAll(this.handle, pieces, this.#written)
    } finally {
      this.#waiting -= size
      budget.waiting -= size
    }
    space.spend(size)
    this.#written += size
    this.#syncBehind()
    this.onProgress()
  }

  #takeGathered(): [pieces: Uint8Array[], size: number] {
    clearTimeout(this.#company)
    this.#company = undefined
    const taken: [Uint8Array[], number] = [this.#gathered, this.#gatheredBytes]
    this.#gathered = []
    this.#gatheredBytes = 0
    return taken
  }

  #forget(): void {
    const [, size] = this.#takeGathered()
    this.#waiting -= size
    this.#options.budget.waiting -= size
  }

  #syncBehind(): void {
    const { budget } = this.#options
    if (this.#syncing || this.#written - this.#synced < SYNC_EVERY || budget.syncing >= SYNCS_AT_ONCE) return
    const upTo = this.#written
    budget.syncing++
    this.#syncing = this.handle
      .datasync()
      .then(
        () => {
          this.#synced = Math.max(this.#synced, upTo)
        },
        (error: unknown) => this.#fail(error),
      )
      .finally(() => {
        budget.syncing--
        this.#syncing = undefined
      })
  }

  #fail(error: unknown): void {
    // after a failed sync the system takes the lost pages for written: only the first answer is true
    this.#failure ??= { error }
    this.#forget()
    this.onProgress()
  }
}
