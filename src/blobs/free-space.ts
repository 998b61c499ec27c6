import { statfs } from 'node:fs/promises'
import { StorageFullError } from './errors.ts'
import { codeOf } from './folders.ts'

/** Milliseconds for which a result is cached. */
const MAX_AGE = 1000
/** Bytes after which the free space is measured again. */
const MEASURE_EVERY = 16 << 20

/** Settings of the reserve. */
export interface FreeSpaceOptions {
  readonly folder: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** With less free space the disk counts as full. */
  readonly minimumFreeBytes: number
  /** Returns the free bytes of a folder; by default from the file system. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** Keeps a reserve of free disk space, so that pushes fail before the database does. */
export class FreeSpace {
  readonly #options: FreeSpaceOptions
  #measuredAt = Number.NEGATIVE_INFINITY
  #written = 0
  #measuring: Promise<void> | undefined

  constructor(options: FreeSpaceOptions) {
    this.#options = options
  }

  /** Throws StorageFullError when less than the reserve is free. */
  async ensure(): Promise<void> {
    const age = this.#options.now() - this.#measuredAt
    if (this.#written < MEASURE_EVERY && age >= 0 && age < MAX_AGE) return
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    await this.#measuring
  }

  /** Throws StorageFullError when so many more bytes would leave less than the reserve. */
  async ensureFor(bytes: number): Promise<void> {
    const { folder, minimumFreeBytes, freeBytes = measureFreeBytes } = this.#options
    const free = await freeBytes(folder)
    if (free - bytes < minimumFreeBytes) {
      throw new StorageFullError(
        `${bytes} bytes are needed, ${free} are free, and ${minimumFreeBytes} of them are reserved`,
      )
    }
  }

  /** Notes written bytes. */
  spend(bytes: number): void {
    this.#written += bytes
  }

  async #measure(): Promise<void> {
    const { folder, now, minimumFreeBytes, freeBytes = measureFreeBytes } = this.#options
    const free = await freeBytes(folder)
    // only success is cached: removing an upload frees space at once
    if (free < minimumFreeBytes) {
      throw new StorageFullError(`${free} bytes are free, and ${minimumFreeBytes} are reserved`)
    }
    this.#measuredAt = now()
    this.#written = 0
  }
}

const measureFreeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** Returns a StorageFullError for a system error of a full disk, and other errors as they are. */
export const storageError = (error: unknown): unknown =>
  FULL.has(codeOf(error) ?? '')
    ? new StorageFullError('no space is left on the disk', { cause: error })
    : error
