import { type FileHandle, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import { type ByteRange, type Upload, UploadGoneError, type UploadSummary } from './blob-store.ts'
import { removeEmptyFolders, unlessAbsent } from './folders.ts'
import { storageError } from './free-space.ts'
import type { StoreParts } from './parts.ts'
import { publish, type UploadPlace } from './publish.ts'
import { RunningHash } from './running-hash.ts'
import { UploadContent } from './upload-content.ts'
import { UploadFollowers } from './upload-followers.ts'
import { UploadWork } from './upload-work.ts'

/** State of an upload on the disk. */
export interface UploadRecord extends UploadSummary {
  readonly algorithm: DigestAlgorithm
}

/** Listeners of an upload. */
interface UploadWatch {
  /** Work starts, for which the file is opened. */
  onUse(upload: DiskUpload): void
  /** The file has been removed. */
  onGone(upload: DiskUpload): void
}

/** An upload whose bytes are in a file, which may be closed between requests. */
export class DiskUpload implements Upload {
  readonly id: string
  readonly algorithm: DigestAlgorithm
  readonly record: UploadRecord
  readonly #parts: StoreParts
  readonly #place: UploadPlace
  readonly #hash: RunningHash
  readonly #content: UploadContent
  readonly #followers = new UploadFollowers()
  readonly #work: UploadWork

  constructor(parts: StoreParts, watch: UploadWatch, record: UploadRecord, created?: FileHandle) {
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
        return removeFile(this.#content, path, parts).finally(() => watch.onGone(this))
      },
    })
    const [hash, followers] = [this.#hash, this.#followers]
    this.#content = new UploadContent({ parts, path, hash, followers, changedAt }, created)
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
    const { id, repository, startedAt } = this.record
    return { id, repository, size: this.size, startedAt, changedAt: this.#content.changedAt }
  }

  append(source: Readable | Iterable<Uint8Array>, { maxSize }: { readonly maxSize: number }): Promise<void> {
    // the source can fail before another listener is added
    if (source instanceof Readable) source.on('error', () => {})
    return this.#work.run((stop) =>
      this.#content.append(source, { maxSize, stop }).catch(async (error: unknown) => {
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
        const result = await publish(this.#parts, publication, () => record(this.size))
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
