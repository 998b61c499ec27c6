import { statfs } from 'node:fs/promises'
import { StorageFullError } from './blob-store.ts'
import { codeOf } from './folders.ts'

/** Milliseconds that an answer of the file system is believed. */
const BELIEVED_FOR = 1000
/** Bytes that are written before it is asked again, however soon. */
const ASK_EVERY = 16 << 20

export interface FreeSpaceOptions {
  readonly folder: string
  readonly now: () => number
  readonly minimumFreeBytes: number
  /** Bytes that can still be written into the folder; asked of the file system unless given. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** Keeps a reserve of the disk free: a database that cannot write is worse than a push that cannot. */
export class FreeSpace {
  readonly #options: FreeSpaceOptions
  #askedAt = Number.NEGATIVE_INFINITY
  #written = 0
  #asking: Promise<void> | undefined

  constructor(options: FreeSpaceOptions) {
    this.#options = options
  }

  /** Throws StorageFullError when less than the reserve is left. */
  async ensure(): Promise<void> {
    const age = this.#options.now() - this.#askedAt
    if (this.#written < ASK_EVERY && age >= 0 && age < BELIEVED_FOR) return
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  /** Notes what was written since. */
  spend(bytes: number): void {
    this.#written += bytes
  }

  async #ask(): Promise<void> {
    const { folder, now, minimumFreeBytes, freeBytes = askFileSystem } = this.#options
    const free = await freeBytes(folder)
    // only room is believed for a while: it comes back the moment that an upload is dropped
    if (free < minimumFreeBytes) {
      throw new StorageFullError(`${free} bytes are free, and ${minimumFreeBytes} are kept in reserve`)
    }
    this.#askedAt = now()
    this.#written = 0
  }
}

const askFileSystem = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** A StorageFullError for what the file system says of a full disk; other errors pass as they are. */
export const storageError = (error: unknown): unknown =>
  FULL.has(codeOf(error) ?? '')
    ? new StorageFullError('no space is left on the disk', { cause: error })
    : error
