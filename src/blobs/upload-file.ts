import type { FileHandle } from 'node:fs/promises'
import { BackgroundWriter, type WriteBudget } from './background-writer.ts'
import type { StoreParts } from './parts.ts'

/** Bytes after which a sync starts in the background, so that the final sync is short. */
const SYNC_EVERY = 8 << 20
/** Maximum number of background syncs: each occupies one of the process's few file threads. */
const SYNCS_AT_ONCE = 2

/** The growing file of an upload: collects bytes, and writes and syncs them in the background. */
export class UploadFile {
  readonly handle: FileHandle
  /** Collects the bytes; after its `flush` all of them are in the file, or `failure` is set. */
  readonly writer: BackgroundWriter
  /** Called when more bytes are in the file, or it failed. */
  onProgress: () => void = () => {}
  readonly #sync: BackgroundSync
  #written: number
  #failure: { readonly error: unknown } | undefined

  constructor(handle: FileHandle, written: number, { budget, space }: Pick<StoreParts, 'budget' | 'space'>) {
    this.handle = handle
    this.#written = written
    const onError = (error: unknown): void => this.#fail(error)
    this.#sync = new BackgroundSync(handle, budget, onError)
    const write = async (pieces: Uint8Array[]): Promise<void> => {
      await space.ensure()
      await writeAll(handle, pieces, this.#written)
    }
    const onWritten = (size: number): void => {
      space.spend(size)
      this.#written += size
      this.#sync.noteWritten(this.#written)
      this.onProgress()
    }
    this.writer = new BackgroundWriter({ write, onWritten, onError }, budget)
  }

  /** Bytes that can be read from the file. */
  get written(): number {
    return this.#written
  }

  /** The system error after which nothing more is written. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  /** Resolves when all written bytes are on the disk. Rejects with the system error, also of an earlier write or sync. */
  async sync(): Promise<void> {
    // concurrently: a sync in progress covers most of the bytes
    await Promise.all([this.#sync.ended, this.handle.datasync()])
    if (this.#failure) throw this.#failure.error
  }

  /** Removes the bytes after `size`. */
  async truncate(size: number): Promise<void> {
    await this.writer.drop()
    if (size >= this.#written) return
    await this.handle.truncate(size)
    this.#written = size
    this.#sync.noteTruncated(size)
  }

  /** Closes the file after the operations in progress. */
  async close(): Promise<void> {
    await this.writer.drop()
    await this.#sync.ended
    await this.handle.close()
  }

  #fail(error: unknown): void {
    // after a failed sync the system regards the lost pages as written: only the first error is reliable
    this.#failure ??= { error }
    this.writer.stop()
    this.onProgress()
  }
}

/** Syncs a growing file from time to time while it is written. */
class BackgroundSync {
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

/** Writes all pieces in sequence from `position`; repeats partial writes of the system. */
async function writeAll(handle: FileHandle, pieces: Uint8Array[], position: number): Promise<void> {
  let rest = pieces
  let at = position
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at)
    at += bytesWritten
    rest = after(rest, bytesWritten)
  }
}

function after(pieces: Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes
  let first = 0
  for (let piece = pieces[first]; piece && piece.length <= left; piece = pieces[first]) {
    left -= piece.length
    first++
  }
  const rest = pieces.slice(first)
  const [head] = rest
  if (head && left > 0) rest[0] = head.subarray(left)
  return rest
}
