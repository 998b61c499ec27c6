import type { FileHandle } from 'node:fs/promises'
import type { WriteBudget } from './write-queue.ts'

/** Bytes after which a sync starts in the background, so that the final sync is short. */
const SYNC_EVERY = 8 << 20
/** Maximum number of background syncs: each occupies one of the process's few file threads. */
const SYNCS_AT_ONCE = 2

/** Syncs a growing file from time to time while it is written. */
export class BackgroundSync {
  readonly #file: FileHandle
  readonly #count: WriteBudget
  readonly #onError: (error: unknown) => void
  /** End of the synced bytes. */
  #synced = 0
  #running: Promise<void> | undefined

  constructor(file: FileHandle, count: WriteBudget, onError: (error: unknown) => void) {
    this.#file = file
    this.#count = count
    this.#onError = onError
  }

  /** Resolves at the end of the sync in progress, also when it fails. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** Starts a sync if many bytes were written since the last one. */
  noteWritten(end: number): void {
    if (this.#running || end - this.#synced < SYNC_EVERY || this.#count.syncing >= SYNCS_AT_ONCE) return
    this.#count.syncing++
    this.#running = this.#file
      .datasync()
      .then(() => {
        this.#synced = Math.max(this.#synced, end)
      }, this.#onError)
      .finally(() => {
        this.#count.syncing--
        this.#running = undefined
      })
  }

  noteTruncated(size: number): void {
    this.#synced = Math.min(this.#synced, size)
  }
}
