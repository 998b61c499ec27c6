import type { FileHandle } from 'node:fs/promises'
import { BackgroundSync } from './background-sync.ts'
import { BackgroundWriter } from './background-writer.ts'
import type { StoreParts } from './parts.ts'

/** The growing file of an upload: collects bytes, and writes and syncs them in the background. */
export class UploadFile {
  readonly handle: FileHandle
  /** Called when more bytes are in the file, or it failed. */
  onProgress: () => void = () => {}
  readonly #writer: BackgroundWriter
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
    this.#writer = new BackgroundWriter({ write, onWritten, onError }, budget)
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
    return this.#writer.isFull
  }

  push(bytes: Uint8Array): void {
    this.#writer.push(bytes)
  }

  /** Resolves when all pushed bytes are in the file, or `failure` is set. */
  async flush(): Promise<void> {
    await this.#writer.flush()
  }

  /** Resolves when all written bytes are on the disk. Rejects with the system error, also of an earlier write or sync. */
  async sync(): Promise<void> {
    // concurrently: a sync in progress covers most of the bytes
    await Promise.all([this.#sync.ended, this.handle.datasync()])
    if (this.#failure) throw this.#failure.error
  }

  /** Removes the bytes after `size`. */
  async truncate(size: number): Promise<void> {
    await this.#writer.drop()
    if (size >= this.#written) return
    await this.handle.truncate(size)
    this.#written = size
    this.#sync.noteTruncated(size)
  }

  /** Closes the file after the operations in progress. */
  async close(): Promise<void> {
    await this.#writer.drop()
    await this.#sync.ended
    await this.handle.close()
  }

  #fail(error: unknown): void {
    // after a failed sync the system regards the lost pages as written: only the first error is reliable
    this.#failure ??= { error }
    this.#writer.stop()
    this.onProgress()
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
