import { OciError } from '../../oci/oci-error.ts'
import { formatRepository } from '../../oci/reference.ts'
import type { Repository } from '../content/content.ts'
import { type ArrivingBlob, BlobFetch, type BlobFetchDependencies } from './blob-fetch.ts'
import { type BlobOrigin, keyOf } from './origin.ts'
import { convertSourceError } from './source.ts'

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
