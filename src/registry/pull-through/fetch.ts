import type { Readable, Writable } from 'node:stream'
import { type ByteRange, ReceiverClosedError, type Upload } from '../../blobs/blob-store.ts'
import { algorithmOf } from '../../oci/digest.ts'
import { formatRepository } from '../../oci/reference.ts'
import type { Repository } from '../content/content.ts'
import { OciError } from '../protocol/errors.ts'
import { formatRepositoryName } from '../protocol/repository-name.ts'
import { keyOf, type Origin, type Origins } from './origin.ts'
import type { PullThroughDependencies } from './pull-through.ts'
import { refusalOfSource } from './refusal.ts'

export interface FetchDependencies extends PullThroughDependencies {
  readonly origins: Origins
}

/** A blob that is being fetched, or was a moment ago. */
export interface Arriving {
  send(range: ByteRange, to: Writable): Promise<void>
}

/** What is fetched, and for whom: repositories whose clients wait, each by the right of a manifest of its own. */
interface Wanted {
  readonly origin: Origin
  readonly repositories: Set<number>
}

interface Fetch extends Wanted {
  readonly begun: Promise<Arriving>
  /** Settles when it is stored, or will not be. */
  readonly whole: Promise<void>
}

interface Begun {
  readonly bytes: Readable
  readonly upload: Upload
}

/** The blobs that are on their way from their sources: each once, for everybody who waits for it. */
export class BlobFetches implements AsyncDisposable {
  readonly #dependencies: FetchDependencies
  readonly #fetches = new Map<string, Fetch>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(dependencies: FetchDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Starts the fetch, or joins the one that is under way. It goes on to its end, whoever leaves: a client that gives up
   * on a large blob finds it here the next time. Resolves when bytes have come. Rejects with OciError or
   * StorageFullError.
   */
  join(repository: Repository, origin: Origin): Promise<Arriving> {
    return this.#join(repository, origin).begun
  }

  /** The same for who wants the blob to be here: resolves when it is the repository's. */
  async bring(repository: Repository, origin: Origin): Promise<void> {
    try {
      await this.#join(repository, origin).whole
    } catch (error) {
      throw refusalOfSource(error)
    }
  }

  #join(repository: Repository, origin: Origin): Fetch {
    const key = fetchKeyOf(repository, origin)
    let fetch = this.#fetches.get(key)
    if (!fetch) {
      fetch = this.#start(repository, origin)
      this.#fetches.set(key, fetch)
    }
    fetch.repositories.add(repository.id)
    return fetch
  }

  #start(repository: Repository, origin: Origin): Fetch {
    const repositories = new Set<number>()
    const began = this.#begin(repository, origin)
    const whole = began.then((begun) => this.#finish(begun, { origin, repositories }))
    const running = whole
      .catch((error: unknown) => this.#warn(origin, error))
      .finally(() => {
        this.#fetches.delete(fetchKeyOf(repository, origin))
        this.#running.delete(running)
      })
    this.#running.add(running)
    const begun = began.then(
      ({ upload }) => arriving(upload, origin.size, whole),
      (error: unknown) => Promise.reject(refusalOfSource(error)),
    )
    // who asked may have left
    begun.catch(() => {})
    return { origin, repositories, begun, whole }
  }

  async #begin(repository: Repository, { reference, insecure, digest, size }: Origin): Promise<Begun> {
    const { source, blobs } = this.#dependencies
    const { signal } = this.#stop
    signal.throwIfAborted()
    const { namespace } = repository
    const lane = formatRepositoryName(repository)
    const context = { insecure, lane, namespace, signal }
    const bytes = await source.fetchBlob(reference, context, { digest, size })
    try {
      return { bytes, upload: await blobs.createUpload(lane, algorithmOf(digest)) }
    } catch (error) {
      bytes.destroy()
      throw error
    }
  }

  async #finish({ bytes, upload }: Begun, wanted: Wanted): Promise<void> {
    const { digest, size } = wanted.origin
    try {
      await upload.append(bytes, { maxSize: size })
      await upload.commit(digest, () => this.#link(wanted))
    } catch (error) {
      bytes.destroy()
      await upload.discard()
      throw error
    }
  }

  /** For every repository that waited and still has a manifest of this source that names the blob. */
  #link({ origin, repositories }: Wanted): Promise<void> {
    const { db, content, origins, now } = this.#dependencies
    const { digest, size } = origin
    return db.transactTogether(
      (tx) => {
        const entitled = [...repositories].filter((id) => origins.isNamed(id, origin))
        if (entitled.length === 0)
          throw new OciError('BLOB_UNKNOWN', `nothing names the blob ${digest} any more`)
        for (const repositoryId of entitled) content.linkBlob(tx, { repositoryId, digest, size, at: now() })
      },
      { patient: false },
    )
  }

  #warn({ reference, digest }: Origin, error: unknown): void {
    const fields = { err: error, source: formatRepository(reference), digest }
    this.#dependencies.log?.warn(fields, 'a blob could not be pulled through')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new OciError('UNKNOWN', 'this registry is shutting down', { status: 503 }))
    await Promise.all(this.#running)
  }
}

// not across namespaces: what one's credentials open is not for who has others
const fetchKeyOf = ({ namespace }: Repository, origin: Origin): string => `${namespace} ${keyOf(origin)}`

/** An upload as its clients see it, until `whole` settles and after. */
const arriving = (upload: Upload, total: number, whole: Promise<void>): Arriving => ({
  async send(range, to) {
    try {
      await upload.follow(range, { total, to })
    } catch (error) {
      if (error instanceof ReceiverClosedError) throw error
      // the upload has ended because the fetch did, which says why
      throw await whole.then(() => error, refusalOfSource)
    }
  },
})
