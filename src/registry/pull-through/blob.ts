import type { Writable } from 'node:stream'
import type { BlobStore, ByteRange } from '../../blobs/blob-store.ts'
import type { Content, Repository } from '../content/content.ts'
import type { BlobFetches } from './fetch.ts'
import type { Origin } from './origin.ts'
import type { BlobContent } from './pull-through.ts'

export interface PulledBlobOptions {
  readonly repository: Repository
  readonly origin: Origin
  readonly content: Content
  readonly blobs: BlobStore
  readonly fetches: BlobFetches
}

type Opened = Pick<BlobContent, 'send'> & Partial<AsyncDisposable>

/** A blob on its way through, as one client sees it. */
export class PulledBlob implements AsyncDisposable {
  readonly #options: PulledBlobOptions
  #opened: Promise<Opened> | undefined

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

  #open(): Promise<Opened> {
    this.#opened ??= this.#find()
    return this.#opened
  }

  async #find(): Promise<Opened> {
    const { repository, origin, content, blobs, fetches } = this.#options
    // a fetch that others waited for may have ended since this client asked
    const isLinked = content.blob(repository.id, origin.digest) !== undefined
    return (isLinked && (await blobs.open(origin.digest))) || fetches.join(repository, origin)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.[Symbol.asyncDispose]?.()
  }
}
