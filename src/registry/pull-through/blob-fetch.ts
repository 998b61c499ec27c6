import type { Readable, Writable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { ReceiverClosedError } from '../../blobs/errors.ts'
import type { ByteRange } from '../../blobs/send.ts'
import type { Upload } from '../../blobs/upload.ts'
import { onAbort } from '../../concurrency/abort.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { algorithmOf } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { Content, Repository } from '../content/content.ts'
import type { BlobOrigin } from './origin.ts'
import { type BlobSource, convertSourceError } from './source.ts'

export interface BlobFetchDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: BlobStore
  readonly source: BlobSource
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A blob whose bytes are arriving, or have arrived. */
export interface ArrivingBlob {
  send(range: ByteRange, to: Writable): Promise<void>
}

/** A repository that gets the blob when it is stored. */
export interface BlobRecipient {
  readonly repository: Repository
  /** Returns the id of the repository, in the transaction that links the blob; undefined if it may no longer get it. */
  readonly entitledId: (tx: Transaction) => number | undefined
  /** Aborted when the blob is no longer wanted; without one, the fetch runs to its end. */
  readonly signal?: AbortSignal
}

/** A fetch in progress. */
export interface BlobProgress {
  /** Bytes received so far. */
  readonly received: number
  /** Settles when the blob is stored and linked to its repositories, or the fetch has failed. */
  readonly stored: Promise<void>
}

/**
 * The fetch of one blob. It runs to its end even if all clients leave: the next client then finds the blob stored. It
 * ends early when all its recipients have a signal and are aborted.
 */
export class BlobFetch implements BlobProgress {
  /** Resolves when the first bytes have arrived. Rejects with OciError or StorageFullError. */
  readonly started: Promise<ArrivingBlob>
  /** Settles when the blob is stored and linked to its repositories, or the fetch has failed. */
  readonly stored: Promise<void>
  readonly #dependencies: BlobFetchDependencies
  readonly #origin: BlobOrigin
  /** Recipients without a signal by their repository, of which one is enough; the others by themselves. */
  readonly #recipients = new Map<number | BlobRecipient, BlobRecipient>()
  readonly #unwanted = new AbortController()
  #upload: Upload | undefined

  constructor(
    dependencies: BlobFetchDependencies,
    { repository, origin, signal }: { repository: Repository; origin: BlobOrigin; signal: AbortSignal },
  ) {
    this.#dependencies = dependencies
    this.#origin = origin
    const opened = this.#open(repository, AbortSignal.any([signal, this.#unwanted.signal]))
    this.stored = opened.then(({ bytes, upload }) => this.#store(bytes, upload))
    this.started = opened.then(
      ({ upload }) => arriving(upload, origin.size, this.stored),
      (error: unknown) => Promise.reject(convertSourceError(error)),
    )
    // no client may be left to handle the rejection
    this.started.catch(() => {})
  }

  get received(): number {
    return this.#upload?.size ?? 0
  }

  /** Whether no recipient is left: the fetch fails. */
  get isUnwanted(): boolean {
    return this.#unwanted.signal.aborted
  }

  /** Links the blob to the repository of this recipient too, once it is stored. */
  addRecipient(recipient: BlobRecipient): void {
    const { repository, signal } = recipient
    this.#recipients.set(signal ? recipient : repository.id, recipient)
    if (!signal) return
    const leave = (): void => {
      this.#recipients.delete(recipient)
      if (this.#recipients.size === 0) this.#unwanted.abort(signal.reason)
    }
    if (signal.aborted) {
      leave()
      return
    }
    const unwatch = onAbort(signal, leave)
    this.stored.then(unwatch, unwatch)
  }

  async #open(repository: Repository, signal: AbortSignal): Promise<{ bytes: Readable; upload: Upload }> {
    const { source, blobs, content } = this.#dependencies
    const { reference, insecure, digest, size } = this.#origin
    signal.throwIfAborted()
    const { namespace } = repository
    content.requireRoom(namespace, digest, size + blobs.unfinishedBytes(namespace))
    const lane = formatRepositoryName(repository)
    const options = { insecure, lane, namespace, signal }
    const bytes = await source.fetchBlob(reference, options, { digest, size })
    try {
      const upload = await blobs.createUpload(lane, algorithmOf(digest))
      this.#upload = upload
      return { bytes, upload }
    } catch (error) {
      bytes.destroy()
      throw error
    }
  }

  async #store(bytes: Readable, upload: Upload): Promise<void> {
    const { digest, size } = this.#origin
    try {
      await upload.append(bytes, { maxSize: size })
      await upload.commit(digest, () => this.#link())
    } catch (error) {
      bytes.destroy()
      await upload.discard()
      throw error
    }
  }

  /** Links the blob to the repository of each recipient that may still get it. */
  #link(): Promise<void> {
    const { db, content, now } = this.#dependencies
    const { digest, size } = this.#origin
    return db.transactTogether((tx) => {
      const entitled = new Set<number>()
      for (const { entitledId } of this.#recipients.values()) {
        const id = entitledId(tx)
        if (id !== undefined) entitled.add(id)
      }
      if (entitled.size === 0) {
        throw new OciError('BLOB_UNKNOWN', `no manifest names the blob ${digest} any longer`)
      }
      for (const repositoryId of entitled) content.linkBlob(tx, { repositoryId, digest, size, at: now() })
    })
  }
}

const arriving = (upload: Upload, total: number, stored: Promise<void>): ArrivingBlob => ({
  async send(range, to) {
    try {
      await upload.follow(range, { total, to })
    } catch (error) {
      if (error instanceof ReceiverClosedError) throw error
      // the upload ended because the fetch failed: report the cause of that
      throw await stored.then(() => error, convertSourceError)
    }
  },
})
