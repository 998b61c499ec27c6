import { type FileHandle, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { algorithmOf, type Digest, type DigestAlgorithm } from '../oci/digest.ts'
import {
  type ByteRange,
  DigestMismatchError,
  type Upload,
  UploadGoneError,
  type UploadSummary,
} from './blob-store.ts'
import { removeEmptyFolders, unlessAbsent } from './folders.ts'
import { type Follower, Followers } from './followers.ts'
import { storageError } from './free-space.ts'
import type { StoreParts } from './parts.ts'
import { publish } from './publish.ts'
import { sendFile } from './send.ts'
import { SoleWork } from './sole-work.ts'
import { UploadContent } from './upload-content.ts'

/** What is known of an upload that is on the disk. */
export interface UploadRecord extends UploadSummary {
  readonly algorithm: DigestAlgorithm
}

export interface UploadWatch {
  /** It is about to work: its file will be open. */
  onUse(upload: DiskUpload): void
  /** Its file is no more. */
  onGone(upload: DiskUpload): void
}

/** An upload whose bytes are a file. Between its requests the file may be open or not. */
export class DiskUpload implements Upload {
  readonly id: string
  readonly algorithm: DigestAlgorithm
  readonly #record: UploadRecord
  readonly #parts: StoreParts
  readonly #watch: UploadWatch
  readonly #path: string
  readonly #content: UploadContent
  readonly #followers = new Followers()
  readonly #work = new SoleWork()
  #published: Digest | undefined
  #isCommitted = false
  #isUnwanted = false
  #end: Promise<void> | undefined

  constructor(parts: StoreParts, watch: UploadWatch, record: UploadRecord, created?: FileHandle) {
    const { id, repository, algorithm, size, changedAt } = record
    this.id = id
    this.algorithm = algorithm
    this.#record = record
    this.#parts = parts
    this.#watch = watch
    this.#path = parts.layout.upload(repository, id, algorithm)
    this.#content = new UploadContent(
      {
        parts,
        path: this.#path,
        algorithm,
        size,
        changedAt,
        onProgress: () => this.#followers.wake(),
        onTakenBack: (error) => this.#followers.fail(error),
      },
      created,
    )
  }

  get repository(): string {
    return this.#record.repository
  }

  get size(): number {
    return this.#content.size
  }

  get isBusy(): boolean {
    return this.#work.isBusy
  }

  /** Whether it is finished or discarded, or is about to be. */
  get isGone(): boolean {
    return this.#isUnwanted || this.#isCommitted || this.#end !== undefined
  }

  summary(): UploadSummary {
    const { id, repository, startedAt } = this.#record
    return { id, repository, size: this.size, startedAt, changedAt: this.#content.changedAt }
  }

  append(source: Readable | Iterable<Uint8Array>, { maxSize }: { readonly maxSize: number }): Promise<void> {
    // it may break off before anything else listens
    if (source instanceof Readable) source.on('error', ignore)
    return this.#alone(async (stop) => {
      try {
        await this.#content.append(source, { maxSize, stop })
      } catch (error) {
        if (this.#content.isLost) await this.#removeAfter(error)
        throw error
      }
    })
  }

  commit<Result>(digest: Digest, record: (size: number) => Promise<Result>): Promise<Result> {
    const { layout, locks } = this.#parts
    return this.#alone(async ({ signal }) => {
      // what is no digest is the caller's error, and no fault of the upload
      layout.blob(digest)
      try {
        await this.#verify(digest, signal)
        const result = await locks.run(digest, async () => {
          await this.#publish(digest, signal)
          return await record(this.size)
        })
        this.#isCommitted = true
        this.#followers.wake()
        await this.#removeAfter()
        return result
      } catch (error) {
        // the store closes: whoever asks again finds the upload as it was
        if (signal.aborted && !this.#isUnwanted && !this.#published) throw error
        await this.#removeAfter(error)
        throw storageError(error)
      }
    })
  }

  async discard(): Promise<void> {
    const why = new UploadGoneError('the upload was discarded')
    this.#isUnwanted = true
    await this.#work.stop(why)
    await this.#remove(why)
  }

  async follow(
    range: ByteRange,
    { total, to }: { readonly total: number; readonly to: Writable },
  ): Promise<void> {
    const { pool } = this.#parts
    await this.#followers.lead(async (follower) => {
      await using file = await this.#openToRead(follower)
      const readableFrom = (position: number): Promise<number> =>
        this.#readable(follower, position, { end: range.end, total })
      await sendFile(file, { range, to, pool, readableFrom })
    })
  }

  /** Closes the file of an upload that is not at work; it opens again when it is needed. */
  async rest(): Promise<void> {
    if (!this.isBusy) await this.#content.rest()
  }

  /** Stops what it is doing; what arrived stays on the disk. */
  async close(): Promise<void> {
    await this.#work.stop(new Error('the blob store closes'))
    await this.#content.rest()
  }

  async #alone<Result>(work: (stop: AbortController) => Promise<Result>): Promise<Result> {
    if (this.isGone) throw new UploadGoneError('the upload is finished or discarded')
    this.#watch.onUse(this)
    return await this.#work.run(work)
  }

  async #verify(digest: Digest, signal: AbortSignal): Promise<void> {
    const actual = await this.#content.digest(algorithmOf(digest), signal)
    if (actual !== digest)
      throw new DigestMismatchError(`the ${this.size} bytes are ${actual}, not ${digest}`)
  }

  async #publish(digest: Digest, signal: AbortSignal): Promise<void> {
    await publish(this.#parts, {
      digest,
      file: await this.#content.file(),
      path: this.#path,
      throwIfUnwanted: () => signal.throwIfAborted(),
    })
    this.#published = digest
  }

  /** How far the file may be read, more than `position`. */
  async #readable(follower: Follower, position: number, { end, total }: { end: number; total: number }) {
    for (;;) {
      follower.throwIfFailed()
      const limit = Math.min(end, this.#isCommitted ? total : Math.min(this.#content.written, total - 1))
      if (limit > position) return limit
      await follower.changed()
    }
  }

  /** The bytes wherever they are now: a commit moves them. */
  async #openToRead(follower: Follower): Promise<FileHandle> {
    const gone = new UploadGoneError('the upload was discarded')
    if (this.isGone && !this.#isCommitted) throw gone
    for (;;) {
      const published = this.#published
      const file = await unlessAbsent(open(published ? this.#parts.layout.blob(published) : this.#path))
      if (file) return file
      const isMoving = published !== this.#published || this.isBusy
      await this.#work.ended
      follower.throwIfFailed()
      if (!isMoving) throw gone
    }
  }

  /** What comes of the file is no concern of who asked for something else: a later purge finds what is left. */
  async #removeAfter(failure?: unknown): Promise<void> {
    await this.#remove(failure).catch(ignore)
  }

  #remove(why?: unknown): Promise<void> {
    this.#end ??= this.#removeFile().finally(() => this.#watch.onGone(this))
    if (!this.#isCommitted) this.#followers.fail(why)
    return this.#end
  }

  async #removeFile(): Promise<void> {
    await this.#content.rest()
    await unlessAbsent(unlink(this.#path))
    const { layout, uploadFolders } = this.#parts
    const folder = dirname(this.#path)
    await uploadFolders.run(dirname(folder), () => removeEmptyFolders(folder, layout.uploads))
  }
}

const ignore = (): void => {}
