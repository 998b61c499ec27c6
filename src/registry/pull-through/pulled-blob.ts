import type { Writable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { ByteRange } from '../../blobs/send.ts'
import type { Content, Repository } from '../content/content.ts'
import type { BlobFetches } from './blob-fetches.ts'
import type { BlobOrigin } from './origin.ts'

/** A blob to be sent to a client. Disposing releases it and does not end a fetch that other clients wait for. */
export interface BlobContent extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** Resolves when there are bytes to send; call it before writing the response's headers. Rejects with OciError. */
  ready?(): Promise<void>
  /**
   * Writes a part at the client's pace and does not end `to`. Rejects when `to` closes and when the rest will not
   * arrive. The last byte of the blob is sent only after verification: a client of a failed fetch never has it all.
   */
  send(range: ByteRange, to: Writable): Promise<void>
}

export interface PulledBlobOptions {
  readonly repository: Repository
  readonly origin: BlobOrigin
  readonly content: Content
  readonly blobs: BlobStore
  readonly fetches: BlobFetches
}

type SendableBlob = Pick<BlobContent, 'send'> & Partial<AsyncDisposable>

/** A blob that is fetched from its source, or read from the store if the fetch has ended. */
export class PulledBlob implements BlobContent {
  readonly #options: PulledBlobOptions
  #opened: Promise<SendableBlob> | undefined

  constructor(options: PulledBlobOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#options.origin.size
  }

  async ready(): Promise<void> {
    await this.#open()
  }

  async send(range: ByteRange, to: Writable): Promise<void> {
    await (await this.#open()).send(range, to)
  }

  #open(): Promise<SendableBlob> {
    this.#opened ??= this.#find()
    return this.#opened
  }

  async #find(): Promise<SendableBlob> {
    const { repository, origin, content, blobs, fetches } = this.#options
    // a fetch for another client may have ended since the caller's lookup
    const isLinked = content.blob(repository.id, origin.digest) !== undefined
    return (isLinked && (await blobs.open(origin.digest))) || fetches.join(repository, origin)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.[Symbol.asyncDispose]?.()
  }
}
