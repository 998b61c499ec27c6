import { OciError } from '../../oci/oci-error.ts'
import { formatRepository } from '../../oci/reference.ts'
import type { Repository } from '../content/content.ts'
import {
  type ArrivingBlob,
  BlobFetch,
  type BlobFetchDependencies,
  type BlobProgress,
  type BlobRecipient,
} from './blob-fetch.ts'
import { type BlobOrigin, type BlobOrigins, keyOf } from './origin.ts'
import { convertSourceError } from './source.ts'

interface BlobFetchesDependencies extends BlobFetchDependencies {
  readonly origins: BlobOrigins
}

/** Blobs that are being fetched from their sources, each once for all clients that wait for it. */
export class BlobFetches implements AsyncDisposable {
  readonly #dependencies: BlobFetchesDependencies
  readonly #onFailure: (error: unknown, fields: object) => void
  // not SingleFlight: a caller that joins adds its repository to the fetch, and waits for its start or its end
  readonly #fetches = new Map<string, BlobFetch>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(dependencies: BlobFetchesDependencies, onFailure: (error: unknown, fields: object) => void) {
    this.#dependencies = dependencies
    this.#onFailure = onFailure
  }

  /** Starts the fetch or joins a running one. Resolves and rejects like `BlobFetch.started`. */
  join(repository: Repository, origin: BlobOrigin): Promise<ArrivingBlob> {
    return this.#fetchOf(this.#named(repository, origin), origin).started
  }

  /** Starts the fetch or joins a running one. Resolves when the repository has the blob. Rejects with OciError. */
  async store(repository: Repository, origin: BlobOrigin): Promise<void> {
    try {
      await this.#fetchOf(this.#named(repository, origin), origin).stored
    } catch (error) {
      throw convertSourceError(error)
    }
  }

  /**
   * Starts the fetch or joins a running one. `stored` rejects with RegistryError, DigestMismatchError, StorageFullError, or
   * the signal's reason once no recipient is left.
   */
  begin(recipient: BlobRecipient, origin: BlobOrigin): BlobProgress {
    return this.#fetchOf(recipient, origin)
  }

  /** Returns a repository that gets the blob while one of its manifests of this source names it. */
  #named(repository: Repository, origin: BlobOrigin): BlobRecipient {
    const { origins } = this.#dependencies
    const { id } = repository
    return { repository, entitledId: () => (origins.isNamed(id, origin) ? id : undefined) }
  }

  #fetchOf(recipient: BlobRecipient, origin: BlobOrigin): BlobFetch {
    const { repository } = recipient
    // a fetch is not shared across namespaces: it uses the credentials of one
    const key = `${repository.namespace} ${keyOf(origin)}`
    const known = this.#fetches.get(key)
    const fetch = known && !known.isUnwanted ? known : this.#start(key, repository, origin)
    fetch.addRecipient(recipient)
    return fetch
  }

  #start(key: string, repository: Repository, origin: BlobOrigin): BlobFetch {
    const fetch = new BlobFetch(this.#dependencies, { repository, origin, signal: this.#stop.signal })
    this.#fetches.set(key, fetch)
    const running = fetch.stored
      .catch((error: unknown) => {
        if (!fetch.isUnwanted)
          this.#onFailure(error, { source: formatRepository(origin.reference), digest: origin.digest })
      })
      .finally(() => {
        if (this.#fetches.get(key) === fetch) this.#fetches.delete(key)
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
