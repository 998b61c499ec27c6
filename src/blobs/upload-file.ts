import type { FileHandle } from 'node:fs/promises'
import { BackgroundSync, type SyncCount } from './background-sync.ts'
import type { FreeSpace } from './free-space.ts'
import { writeAll } from './write-all.ts'
import { type WaitingBytes, WriteQueue } from './write-queue.ts'

/** Milliseconds after which fewer bytes are written, so that followers of a slow source get them. */
const WRITE_DELAY = 50

/** Counters that the uploads of a store share. */
export class WriteBudget implements WaitingBytes, SyncCount {
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
  readonly #space: FreeSpace
  readonly #queue: WriteQueue
  readonly #sync: BackgroundSync
  #written: number
  #isFlushing = false
  #writing: Promise<void> | undefined
  #writeTimer: NodeJS.Timeout | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(handle: FileHandle, written: number, { budget, space }: UploadFileOptions) {
    this.handle = handle
    this.#written = written
    this.#space = space
    this.#queue = new WriteQueue(budget)
    this.#sync = new BackgroundSync(handle, budget, (error) => this.#fail(error))
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
    return this.#queue.isFull
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#queue.push(bytes)
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
    await Promise.all([this.#sync.ended, this.handle.datasync()])
    if (this.#failure) throw this.#failure.error
  }

  /** Removes the bytes after `size`. */
  async truncate(size: number): Promise<void> {
    this.#dropQueue()
    await this.#writing
    if (size >= this.#written) return
    await this.handle.truncate(size)
    this.#written = size
    this.#sync.noteTruncated(size)
  }

  /** Closes the file after the operations in progress. */
  async close(): Promise<void> {
    this.#dropQueue()
    await this.#writing
    await this.#sync.ended
    await this.handle.close()
  }

  #isDue(): boolean {
    const { isBatch, isEmpty, isFull } = this.#queue
    return isBatch || (!isEmpty && (this.#isFlushing || isFull))
  }

  #writeSoon(): void {
    this.#writeTimer ??= setTimeout(() => this.#write(), WRITE_DELAY)
  }

  #write(): void {
    if (this.#writing || this.#queue.isEmpty || this.#failure) return
    this.#writing = this.#writeQueue()
  }

  async #writeQueue(): Promise<void> {
    try {
      do await this.#writeBatch()
      while (this.#isDue())
    } catch (error) {
      this.#fail(error)
    } finally {
      // synchronously: bytes pushed from now on start the next write
      this.#writing = undefined
    }
    if (!this.#queue.isEmpty) this.#writeSoon()
  }

  async #writeBatch(): Promise<void> {
    const { pieces, size } = this.#takeQueue()
    try {
      await this.#space.ensure()
      await writeAll(this.handle, pieces, this.#written)
    } finally {
      this.#queue.release(size)
    }
    this.#space.spend(size)
    this.#written += size
    this.#sync.noteWritten(this.#written)
    this.onProgress()
  }

  #takeQueue(): { readonly pieces: Uint8Array[]; readonly size: number } {
    clearTimeout(this.#writeTimer)
    this.#writeTimer = undefined
    return this.#queue.take()
  }

  #dropQueue(): void {
    this.#queue.release(this.#takeQueue().size)
  }

  #fail(error: unknown): void {
    // after a failed sync the system regards the lost pages as written: only the first error is reliable
    this.#failure ??= { error }
    this.#dropQueue()
    this.onProgress()
  }
}
