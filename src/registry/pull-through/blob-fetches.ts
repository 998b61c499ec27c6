import type { Readable, Writable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { ReceiverClosedError } from '../../blobs/errors.ts'
import type { ByteRange } from '../../blobs/send.ts'
import type { Upload } from '../../blobs/upload.ts'
import type { Database } from '../../db/open.ts'
import { algorithmOf } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatRepository } from '../../oci/reference.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { Content, Repository } from '../content/content.ts'
import { type BlobOrigin, type BlobOrigins, keyOf } from './origin.ts'
import { type BlobSource, convertSourceError } from './source.ts'

interface BlobFetchDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: BlobStore
  readonly source: BlobSource
  readonly origins: BlobOrigins
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A blob whose bytes are arriving, or have arrived. */
interface ArrivingBlob {
  send(range: ByteRange, to: Writable): Promise<void>
}

/** The fetch of one blob. It runs to its end even if all clients leave: the next client then finds the blob stored. */
class BlobFetch {
  /** Resolves when the first bytes have arrived. Rejects with OciError or StorageFullError. */
  readonly started: Promise<ArrivingBlob>
  /** Settles when the blob is stored and linked to its repositories, or the fetch has failed. */
  readonly stored: Promise<void>
  readonly #dependencies: BlobFetchDependencies
  readonly #origin: BlobOrigin
  /** Ids of repositories whose clients wait. */
  readonly #repositories = new Set<number>()

  constructor(
    dependencies: BlobFetchDependencies,
    { repository, origin, signal }: { repository: Repository; origin: BlobOrigin; signal: AbortSignal },
  ) {
    this.#dependencies = dependencies
    this.#origin = origin
    const opened = this.#open(repository, signal)
    this.stored = opened.then(({ bytes, upload }) => this.#store(bytes, upload))
    this.started = opened.then(
      ({ upload }) => arriving(upload, origin.size, this.stored),
      (error: unknown) => Promise.reject(convertSourceError(error)),
    )
    // no client may be left to handle the rejection
    this.started.catch(() => {})
  }

  /** Links the blob to this repository too, once it is stored. */
  addRepository({ id }: Repository): void {
    this.#repositories.add(id)
  }

  async #open(repository: Repository, signal: AbortSignal): Promise<{ bytes: Readable; upload: Upload }> {
    const { source, blobs } = this.#dependencies
    const { reference, insecure, digest, size } = this.#origin
    signal.throwIfAborted()
    const lane = formatRepositoryName(repository)
    const options = { insecure, lane, namespace: repository.namespace, signal }
    const bytes = await source.fetchBlob(reference, options, { digest, size })
    try {
      return { bytes, upload: await blobs.createUpload(lane, algorithmOf(digest)) }
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

  /** Links the blob to each waiting repository that still has a manifest of this source that names it. */
  #link(): Promise<void> {
    const { db, content, origins, now } = this.#dependencies
    const { digest, size } = this.#origin
    return db.transactTogether((tx) => {
      const entitled = [...this.#repositories].filter((id) => origins.isNamed(id, this.#origin))
      if (entitled.length === 0) {
        throw new OciError('BLOB_UNKNOWN', `no manifest names the blob ${digest} any longer`)
      }
      for (const repositoryId of entitled) content.linkBlob(tx, { repositoryId, digest, size, at: now() })
    })
  }
}

/** Blobs that are being fetched from their sources, each once for all clients that wait for it. */
export class BlobFetches implements AsyncDisposable {
  readonly #dependencies: BlobFetchDependencies
  readonly #onFailure: (error: unknown, fields: object) => void
  // not SingleFlight: a caller that joins adds its repository to the fetch, and waits for its start or its end
  readonly #fetches = new Map<string, BlobFetch>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(dependencies: BlobFetchDependencies, onFailure: (error: unknown, fields: object) => void) {
    this.#dependencies = dependencies
    this.#onFailure = onFailure
  }

  /** Starts the fetch or joins a running one. Resolves and rejects like `BlobFetch.started`. */
  join(repository: Repository, origin: BlobOrigin): Promise<ArrivingBlob> {
    return this.#fetchOf(repository, origin).started
  }

  /** Starts the fetch or joins a running one. Resolves when the repository has the blob. Rejects with OciError. */
  async store(repository: Repository, origin: BlobOrigin): Promise<void> {
    try {
      await this.#fetchOf(repository, origin).stored
    } catch (error) {
      throw convertSourceError(error)
    }
  }

  #fetchOf(repository: Repository, origin: BlobOrigin): BlobFetch {
    // a fetch is not shared across namespaces: it uses the credentials of one
    const key = `${repository.namespace} ${keyOf(origin)}`
    const fetch = this.#fetches.get(key) ?? this.#start(key, repository, origin)
    fetch.addRepository(repository)
    return fetch
  }

  #start(key: string, repository: Repository, origin: BlobOrigin): BlobFetch {
    const fetch = new BlobFetch(this.#dependencies, { repository, origin, signal: this.#stop.signal })
    this.#fetches.set(key, fetch)
    const running = fetch.stored
      .catch((error: unknown) => {
        this.#onFailure(error, { source: formatRepository(origin.reference), digest: origin.digest })
      })
      .finally(() => {
        this.#fetches.delete(key)
        this.#running.delete(running)
      })
    this.#running.add(running)
    return fetch
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new OciError('UNKNOWN', 'the registry is shutting down', { status: 503 }))
    await Promise.all(this.#running)
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
