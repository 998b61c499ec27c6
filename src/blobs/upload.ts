import { type FileHandle, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import { UploadGoneError } from './errors.ts'
import { removeEmptyFolders, unlessAbsent } from './folders.ts'
import { storageError } from './free-space.ts'
import type { UploadSummary } from './layout.ts'
import type { StoreParts } from './parts.ts'
import { publish, type UploadPlace } from './publish.ts'
import { RunningHash } from './running-hash.ts'
import type { ByteRange } from './send.ts'
import { type AppendLimits, UploadContent } from './upload-content.ts'
import { UploadFollowers } from './upload-followers.ts'
import { UploadWork } from './upload-work.ts'

/** Listeners of an upload. */
interface UploadWatch {
  /** Work starts, for which the file is opened. */
  onUse(upload: DiskUpload): void
  /** The file has been removed. */
  onGone(upload: DiskUpload): void
}

/** A blob that is being uploaded. */
export interface Upload {
  /** 128 random bits as hexadecimal digits, which cannot be guessed. */
  readonly id: string
  readonly algorithm: DigestAlgorithm
  /** Bytes received, including those of a source that ended early. */
  readonly size: number
  /** Whether `append` or `commit` is in progress: a second writer is refused with UploadBusyError. */
  readonly isBusy: boolean
  /**
   * Appends the whole source, within the limits. Chunks are not copied, and must not change until this
   * settles.
   * Rejects with UploadBusyError, UploadGoneError, UploadTooLargeError and what `require` throws (this append is undone),
   * StorageFullError (the upload is removed), or the source's own error. Leaves a refused source paused; its owner drains or destroys it.
   */
  append(source: Readable | Iterable<Uint8Array>, limits: AppendLimits): Promise<void>
  /**
   * Turns the upload into a blob: verifies and syncs the bytes, renames the file, syncs the folder, then calls `record` to
   * write the row of the blob. No removal of the digest comes between. Rejects with DigestMismatchError, StorageFullError
   * or the rejection of `record` (the upload is removed then), UploadBusyError or UploadGoneError.
   */
  commit<Result>(digest: Digest, record: (size: number) => Promise<Result>): Promise<Result>
  /** Removes the upload; an append or commit in progress rejects with UploadGoneError. */
  discard(): Promise<void>
  /**
   * Writes a part to a client while the rest is arriving. Holds back the last of the `total` bytes until the commit, so
   * that a complete response has verified bytes. Rejects with ReceiverClosedError when `to` closes, and with the reason
   * when the upload is discarded, its commit fails or an append is undone.
   */
  follow(range: ByteRange, options: { readonly total: number; readonly to: Writable }): Promise<void>
}

/** An upload whose bytes are in a file, which may be closed between requests. */
export class DiskUpload implements Upload {
  readonly id: string
  readonly algorithm: DigestAlgorithm
  /** State when the object was created. */
  readonly record: UploadSummary
  readonly #parts: StoreParts
  readonly #place: UploadPlace
  readonly #hash: RunningHash
  readonly #content: UploadContent
  readonly #followers = new UploadFollowers()
  readonly #work: UploadWork

  constructor(parts: StoreParts, watch: UploadWatch, record: UploadSummary, created?: FileHandle) {
    const { id, repository, algorithm, size, changedAt } = record
    const path = parts.layout.upload(repository, id, algorithm)
    this.id = id
    this.algorithm = algorithm
    this.record = record
    this.#parts = parts
    this.#place = { path, isPublished: false }
    this.#hash = new RunningHash(algorithm, size, parts.pool)
    this.#work = new UploadWork({
      onUse: () => watch.onUse(this),
      remove: (why) => {
        this.#followers.fail(why)
        parts.unfinished.set(record, 0)
        return removeFile(this.#content, path, parts).finally(() => watch.onGone(this))
      },
    })
    const [hash, followers] = [this.#hash, this.#followers]
    const onSize = (bytes: number): void => parts.unfinished.set(record, bytes)
    this.#content = new UploadContent({ parts, path, hash, followers, changedAt, onSize }, created)
    onSize(size)
  }

  get size(): number {
    return this.#hash.size
  }

  get isBusy(): boolean {
    return this.#work.isBusy
  }

  get isGone(): boolean {
    return this.#work.isGone
  }

  summary(): UploadSummary {
    return { ...this.record, size: this.size, changedAt: this.#content.changedAt }
  }

  append(source: Readable | Iterable<Uint8Array>, limits: AppendLimits): Promise<void> {
    // the source can fail before another listener is added
    if (source instanceof Readable) source.on('error', () => {})
    return this.#work.run((stop) =>
      this.#content.append(source, { ...limits, stop }).catch(async (error: unknown) => {
        if (this.#content.isLost) await this.#work.removeAfter(error)
        throw error
      }),
    )
  }

  commit<Result>(digest: Digest, record: (size: number) => Promise<Result>): Promise<Result> {
    return this.#work.run(async ({ signal }) => {
      // an invalid digest is an error of the caller: throws without removing the upload
      this.#parts.layout.blob(digest)
      try {
        await this.#content.verify(digest, signal)
        const publication = { digest, file: await this.#content.file(), place: this.#place, signal }
        const result = await publish(this.#parts, publication, async () => {
          const recorded = await record(this.size)
          // it counts as a blob now
          this.#parts.unfinished.set(this.record, 0)
          return recorded
        })
        this.#followers.complete()
        await this.#work.removeAfter()
        return result
      } catch (error) {
        // the store closes: the upload stays as it was for a later request
        if (signal.aborted && !this.#work.isUnwanted && !this.#place.isPublished) throw error
        await this.#work.removeAfter(error)
        throw storageError(error)
      }
    })
  }

  discard(): Promise<void> {
    return this.#work.discard(new UploadGoneError('the upload was discarded'))
  }

  async follow(range: ByteRange, options: { readonly total: number; readonly to: Writable }): Promise<void> {
    if (this.isGone && !this.#followers.isComplete) throw new UploadGoneError('the upload was discarded')
    const upload = { content: this.#content, place: this.#place, work: this.#work, pool: this.#parts.pool }
    await this.#followers.follow(upload, range, options)
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
}

async function removeFile(content: UploadContent, path: string, parts: StoreParts): Promise<void> {
  await content.rest()
  await unlessAbsent(unlink(path))
  const folder = dirname(path)
  await parts.uploadFolders.run(dirname(folder), () => removeEmptyFolders(folder, parts.layout.uploads))
}
