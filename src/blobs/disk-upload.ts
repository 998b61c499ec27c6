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
import { ExclusiveWork } from './exclusive-work.ts'
import { removeEmptyFolders, unlessAbsent } from './folders.ts'
import { type Follower, Followers } from './followers.ts'
import { storageError } from './free-space.ts'
import type { StoreParts } from './parts.ts'
import { publish } from './publish.ts'
import { sendFile } from './send.ts'
import { UploadContent } from './upload-content.ts'

/** State of an upload on the disk. */
export interface UploadRecord extends UploadSummary {
  readonly algorithm: DigestAlgorithm
}

/** Listeners of an upload. */
export interface UploadWatch {
  /** Work starts, for which the file is opened. */
  onUse(upload: DiskUpload): void
  /** The file has been removed. */
  onGone(upload: DiskUpload): void
}

/** An upload whose bytes are in a file, which may be closed between requests. */
export class DiskUpload implements Upload {
  readonly id: string
  readonly algorithm: DigestAlgorithm
  readonly #record: UploadRecord
  readonly #parts: StoreParts
  readonly #watch: UploadWatch
  readonly #path: string
  readonly #content: UploadContent
  readonly #followers = new Followers()
  readonly #work = new ExclusiveWork()
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
        onUndone: (error) => this.#followers.fail(error),
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

  /** Whether it is finished or discarded, or will be. */
  get isGone(): boolean {
    return this.#isUnwanted || this.#isCommitted || this.#end !== undefined
  }

  summary(): UploadSummary {
    const { id, repository, startedAt } = this.#record
    return { id, repository, size: this.size, startedAt, changedAt: this.#content.changedAt }
  }

  append(source: Readable | Iterable<Uint8Array>, { maxSize }: { readonly maxSize: number }): Promise<void> {
    // the source can fail before another listener is added
    if (source instanceof Readable) source.on('error', ignore)
    return this.#exclusively(async (stop) => {
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
    return this.#exclusively(async ({ signal }) => {
      // an invalid digest is an error of the caller: throws without removing the upload
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
        // the store closes: the upload stays as it was for a later request
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
    await this.#followers.follow(async (follower) => {
      await using file = await this.#openToRead(follower)
      const readableFrom = (position: number): Promise<number> =>
        this.#readable(follower, position, { end: range.end, total })
      await sendFile(file, { range, to, pool, readableFrom })
    })
  }

  /** Closes the file of an idle upload; the next request opens it again. */
  async rest(): Promise<void> {
    if (!this.isBusy) await this.#content.rest()
  }

  /** Stops the work in progress; received bytes stay on the disk. */
  async close(): Promise<void> {
    await this.#work.stop(new Error('the blob store closes'))
    await this.#content.rest()
  }

  async #exclusively<Result>(work: (stop: AbortController) => Promise<Result>): Promise<Result> {
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

  /** Resolves with the end of the readable bytes, once it is after `position`. */
  async #readable(follower: Follower, position: number, { end, total }: { end: number; total: number }) {
    for (;;) {
      follower.throwIfFailed()
      const limit = Math.min(end, this.#isCommitted ? total : Math.min(this.#content.written, total - 1))
      if (limit > position) return limit
      await follower.changed()
    }
  }

  /** Opens the file in its current place; a commit moves it. */
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

  /** Removes the upload after other work, and ignores errors: a later purge removes what is left. */
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
