import type { FileHandle } from 'node:fs/promises'
import type { FreeSpace } from './free-space.ts'
import { writeAll } from './write-all.ts'

/** Bytes collected for one write, and the maximum number of buffers in one call of the system. */
const BATCH = 1 << 20
const BATCH_PIECES = 1024
/** Milliseconds after which fewer bytes are written, so that followers of a slow source get them. */
const WRITE_DELAY = 50
/** Unwritten bytes of one upload at which its source must wait. */
const FULL = 2 << 20
/** Unwritten bytes of all uploads at which sources with more than SHARE unwritten bytes must wait. */
const ALL_FULL = 32 << 20
const SHARE = 64 << 10
/** Bytes after which a sync starts in the background, so that the final sync is short. */
const SYNC_EVERY = 8 << 20
/** Maximum number of background syncs: each occupies one of the process's few file threads. */
const SYNCS_AT_ONCE = 2

/** Counters that the uploads of a store share. */
export class WriteBudget {
  /** Unwritten bytes of all uploads. */
  waiting = 0
  syncing = 0
}

/** Resources that an upload's file shares with others. */
export interface UploadFileOptions {
  readonly budget: WriteBudget
  readonly space: FreeSpace
}

/** The growing file of an upload: collects bytes, and writes and syncs them in the background. */
export class UploadFile {
  readonly handle: FileHandle
  /** Called when more bytes are in the file, or it failed. */
  onProgress: () => void = () => {}
  readonly #options: UploadFileOptions
  #written: number
  /** End of the synced bytes. */
  #synced = 0
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #waiting = 0
  #isFlushing = false
  #writing: Promise<void> | undefined
  #syncing: Promise<void> | undefined
  #writeTimer: NodeJS.Timeout | undefined
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

  /** The system error after which nothing more is written. */
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

  /** Resolves when all pushed bytes are in the file, or `failure` is set. */
  async flush(): Promise<void> {
    this.#isFlushing = true
    this.#write()
    await this.#writing
    this.#isFlushing = false
  }

  /** Resolves when all written bytes are on the disk. Rejects with the system error, also of an earlier write or sync. */
  async sync(): Promise<void> {
    // concurrently: a sync in progress covers most of the bytes
    await Promise.all([this.#syncing, this.handle.datasync()])
    if (this.#failure) throw this.#failure.error
  }

  /** Removes the bytes after `size`. */
  async truncate(size: number): Promise<void> {
    this.#dropGathered()
    await this.#writing
    if (size >= this.#written) return
    await this.handle.truncate(size)
    this.#written = size
    this.#synced = Math.min(this.#synced, size)
  }

  /** Closes the file after the operations in progress. */
  async close(): Promise<void> {
    this.#dropGathered()
    await this.#writing
    await this.#syncing
    await this.handle.close()
  }

  #isDue(): boolean {
    const isBatch = this.#gatheredBytes >= BATCH || this.#gathered.length >= BATCH_PIECES
    return isBatch || (this.#gatheredBytes > 0 && (this.#isFlushing || this.isFull))
  }

  #writeSoon(): void {
    this.#writeTimer ??= setTimeout(() => this.#write(), WRITE_DELAY)
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
      // synchronously: bytes pushed from now on start the next write
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
    clearTimeout(this.#writeTimer)
    this.#writeTimer = undefined
    const taken: [Uint8Array[], number] = [this.#gathered, this.#gatheredBytes]
    this.#gathered = []
    this.#gatheredBytes = 0
    return taken
  }

  #dropGathered(): void {
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
    // after a failed sync the system regards the lost pages as written: only the first error is reliable
    this.#failure ??= { error }
    this.#dropGathered()
    this.onProgress()
  }
}
