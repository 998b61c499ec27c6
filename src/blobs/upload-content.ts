import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import { UploadGoneError, UploadTooLargeError } from './blob-store.ts'
import { unlessAbsent } from './folders.ts'
import { storageError } from './free-space.ts'
import { hashFile } from './hash-file.ts'
import type { StoreParts } from './parts.ts'
import { receive } from './receive.ts'
import { UploadFile } from './upload-file.ts'

/** State of an upload's file, and listeners. */
export interface UploadContentOptions {
  readonly parts: StoreParts
  readonly path: string
  readonly algorithm: DigestAlgorithm
  /** Size of the file in bytes. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly changedAt: number
  /** Called when followers can read more. */
  readonly onProgress: () => void
  /** Called when bytes that followers may have read are removed again. */
  readonly onUndone: (error: unknown) => void
}

/** Limit and cancellation of an append. */
export interface AppendOptions {
  readonly maxSize: number
  readonly stop: AbortController
}

/** The bytes of an upload: their number, hash and file, which are consistent except during an append. */
export class UploadContent {
  readonly #options: UploadContentOptions
  #size: number
  #changedAt: number
  #file: UploadFile | undefined
  /** Hash of all bytes; undefined when some arrived before a restart. */
  #hash: Hash | undefined
  #isLost = false

  constructor(options: UploadContentOptions, created?: FileHandle) {
    this.#options = options
    this.#size = options.size
    this.#changedAt = options.changedAt
    if (created) this.#file = this.#fileOf(created)
  }

  /** Bytes received. */
  get size(): number {
    return this.#size
  }

  /** When bytes last arrived, in milliseconds since 1970. */
  get changedAt(): number {
    return this.#changedAt
  }

  /** Bytes that can be read from the file. */
  get written(): number {
    return this.#file?.written ?? this.#size
  }

  /** Whether the disk failed, so that the content of the file is unreliable. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Returns the open file. Throws UploadGoneError when it does not exist. */
  async file(): Promise<UploadFile> {
    if (this.#file) return this.#file
    const handle = await unlessAbsent(open(this.#options.path, 'r+'))
    if (!handle) {
      this.#isLost = true
      throw new UploadGoneError('the file of the upload has been removed')
    }
    this.#file = this.#fileOf(handle)
    return this.#file
  }

  /** Implements `Upload.append`; no other work may be in progress. */
  async append(source: Readable | Iterable<Uint8Array>, options: AppendOptions): Promise<void> {
    const { parts } = this.#options
    const file = await this.file()
    const hash = await this.#runningHash(file, options.stop.signal)
    await this.#orLost(() => parts.space.ensure())
    const before = { size: this.#size, hash: hash.copy() }
    let broken: { readonly error: unknown } | undefined
    try {
      await receive(source, this.#intake(file, hash, options), options.stop.signal)
    } catch (error) {
      broken = { error }
    }
    await this.#orLost(async () => {
      if (broken?.error instanceof UploadTooLargeError) await this.#undo(file, before, broken.error)
      await file.flush()
      if (file.failure) throw file.failure.error
      await this.#noteTime(file)
    })
    if (broken) throw broken.error
  }

  /** Returns the digest of all bytes; nothing can be appended afterwards. */
  async digest(algorithm: DigestAlgorithm, signal: AbortSignal): Promise<Digest> {
    const { parts } = this.#options
    const file = await this.file()
    const hash =
      algorithm === this.#options.algorithm
        ? await this.#runningHash(file, signal)
        : await hashFile(file.handle, { algorithm, size: this.#size, pool: parts.pool, signal })
    this.#hash = undefined
    return `${algorithm}:${hash.digest('hex')}` as Digest
  }

  /** Stores the time of the store's clock as the file's modification time, from which a restarted store reads it. */
  async #noteTime(file: UploadFile): Promise<void> {
    this.#changedAt = this.#options.parts.now()
    await file.handle.utimes(this.#changedAt / 1000, this.#changedAt / 1000)
  }

  /** Closes the file until the next use. */
  async rest(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #fileOf(handle: FileHandle): UploadFile {
    const { parts } = this.#options
    return new UploadFile(handle, this.#size, parts)
  }

  async #runningHash(file: UploadFile, signal: AbortSignal): Promise<Hash> {
    const { algorithm, parts } = this.#options
    if (this.#size === 0) this.#hash ??= createHash(algorithm)
    this.#hash ??= await hashFile(file.handle, { algorithm, size: this.#size, pool: parts.pool, signal })
    return this.#hash
  }

  #intake(file: UploadFile, hash: Hash, { maxSize, stop }: AppendOptions) {
    const { onProgress } = this.#options
    const intake = {
      onRoom: (): void => {},
      take: (chunk: Uint8Array): void => {
        if (chunk.length > maxSize - this.#size) {
          throw new UploadTooLargeError(`a blob has at most ${maxSize} bytes`)
        }
        hash.update(chunk)
        this.#size += chunk.length
        file.push(chunk)
      },
      get isFull(): boolean {
        return file.isFull
      },
    }
    file.onProgress = () => {
      if (file.failure) stop.abort(file.failure.error)
      onProgress()
      intake.onRoom()
    }
    return intake
  }

  async #undo(file: UploadFile, before: { size: number; hash: Hash }, why: unknown): Promise<void> {
    if (before.size < this.#size) this.#options.onUndone(why)
    await file.truncate(before.size)
    this.#size = before.size
    this.#hash = before.hash
  }

  /** Marks the content as lost when the work fails: bytes and hash differ then, or the disk is full. */
  async #orLost(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#isLost = true
      throw storageError(error)
    }
  }
}
