import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { DigestMismatchError, UploadGoneError, UploadTooLargeError } from './errors.ts'
import { unlessAbsent } from './folders.ts'
import { storageError } from './free-space.ts'
import type { StoreParts } from './parts.ts'
import { type Intake, receive } from './receive.ts'
import type { RunningHash } from './running-hash.ts'
import { UploadFile } from './upload-file.ts'
import type { UploadFollowers } from './upload-followers.ts'

/** The file of an upload, and its readers. */
export interface UploadContentOptions {
  readonly parts: StoreParts
  readonly path: string
  /** Of the bytes in the file. */
  readonly hash: RunningHash
  /** Milliseconds since 1970. */
  readonly changedAt: number
  readonly followers: UploadFollowers
  /** Called with the size of the upload whenever it changes. */
  readonly onSize: (size: number) => void
}

/** Limits of an append. */
export interface AppendLimits {
  /** Bytes of the whole upload. */
  readonly maxSize: number
  /** Called before so many further bytes are taken; what it throws ends and undoes the append. */
  readonly require?: (bytes: number) => void
}

/** Limits and cancellation of an append. */
interface AppendOptions extends AppendLimits {
  readonly stop: AbortController
}

/** The bytes of an upload: their hash and file, which are consistent except during an append. */
export class UploadContent {
  readonly #options: UploadContentOptions
  #changedAt: number
  #file: UploadFile | undefined
  #isLost = false

  constructor(options: UploadContentOptions, created?: FileHandle) {
    this.#options = options
    this.#changedAt = options.changedAt
    if (created) this.#file = new UploadFile(created, 0, options.parts)
  }

  /** When bytes last arrived, in milliseconds since 1970. */
  get changedAt(): number {
    return this.#changedAt
  }

  /** Bytes that can be read from the file. */
  get written(): number {
    return this.#file?.written ?? this.#options.hash.size
  }

  /** Whether the disk failed, so that the content of the file is unreliable. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Returns the open file. Throws UploadGoneError when it does not exist. */
  async file(): Promise<UploadFile> {
    if (this.#file) return this.#file
    const { path, hash, parts } = this.#options
    const handle = await unlessAbsent(open(path, 'r+'))
    if (!handle) {
      this.#isLost = true
      throw new UploadGoneError('the file of the upload has been removed')
    }
    this.#file = new UploadFile(handle, hash.size, parts)
    return this.#file
  }

  /** Implements `Upload.append`; no other work may be in progress. */
  async append(source: Readable | Iterable<Uint8Array>, options: AppendOptions): Promise<void> {
    const { parts, hash, followers, onSize } = this.#options
    const { signal } = options.stop
    const file = await this.file()
    await hash.readFrom(file.handle, signal)
    await this.#orLost(() => parts.space.ensure())
    const before = hash.state
    let broken: { readonly error: unknown } | undefined
    const intake = new UploadIntake(file, this.#options, options)
    try {
      await receive(source, intake, signal)
    } catch (error) {
      broken = { error }
    }
    await this.#orLost(async () => {
      if (broken && intake.isRefused) {
        // followers may have read bytes that are removed
        if (before.size < hash.size) followers.fail(broken.error)
        await file.truncate(before.size)
        hash.state = before
        onSize(hash.size)
      }
      await file.writer.flush()
      if (file.failure) throw file.failure.error
      // the store's clock, from which a restarted store reads it
      this.#changedAt = parts.now()
      await file.handle.utimes(this.#changedAt / 1000, this.#changedAt / 1000)
    })
    if (broken) throw broken.error
  }

  /** Throws DigestMismatchError unless the bytes have the digest. Nothing can be appended afterwards. */
  async verify(digest: Digest, signal: AbortSignal): Promise<void> {
    const { hash } = this.#options
    const { handle } = await this.file()
    const actual = await hash.digest(handle, algorithmOf(digest), signal)
    if (actual !== digest) {
      throw new DigestMismatchError(`the ${hash.size} bytes are ${actual}, not ${digest}`)
    }
  }

  /** Closes the file until the next use. */
  async rest(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
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

/** Adds the bytes of an append to the file and the hash. */
class UploadIntake implements Intake {
  onRoom = (): void => {}
  readonly #file: UploadFile
  readonly #hash: RunningHash
  readonly #limits: AppendLimits
  readonly #onSize: UploadContentOptions['onSize']
  #isRefused = false

  constructor(
    file: UploadFile,
    { hash, followers, onSize }: Pick<UploadContentOptions, 'hash' | 'followers' | 'onSize'>,
    { stop, ...limits }: AppendOptions,
  ) {
    this.#file = file
    this.#hash = hash
    this.#limits = limits
    this.#onSize = onSize
    file.onProgress = () => {
      if (file.failure) stop.abort(file.failure.error)
      followers.wake()
      this.onRoom()
    }
  }

  get isFull(): boolean {
    return this.#file.writer.isFull
  }

  /** Whether bytes were refused. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  take(chunk: Uint8Array): void {
    this.#isRefused = true
    const { maxSize, require } = this.#limits
    if (chunk.length > maxSize - this.#hash.size) {
      throw new UploadTooLargeError(`a blob has at most ${maxSize} bytes`)
    }
    require?.(chunk.length)
    this.#isRefused = false
    this.#hash.add(chunk)
    this.#onSize(this.#hash.size)
    this.#file.writer.push(chunk)
  }
}
