import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Tally } from './collections.ts'
import type { LinkCollection } from './links.ts'
import type { ManifestCollection } from './manifests.ts'
import type { RemainsCollection } from './remains.ts'
import type { RepositoryPages } from './repositories.ts'
import type { Removals, StoredBlobs } from './stored-blobs.ts'
import type { CollectionTerms } from './terms.ts'
import { discardAbandoned } from './uploads.ts'

export interface CollectionParts {
  readonly blobs: BlobStore
  readonly repositoryPages: RepositoryPages
  readonly manifests: ManifestCollection
  readonly links: LinkCollection
  readonly storedBlobs: StoredBlobs
  readonly remains: RemainsCollection
}

/** Removals of files that failed: their number, the first error and the error codes. */
interface RemovalFailures {
  count: number
  first: unknown
  readonly codes: Set<string>
}

/** One run of the garbage collection. */
export class CollectionRun {
  readonly id: number
  readonly failures: RemovalFailures = { count: 0, first: undefined, codes: new Set() }
  readonly #tally = { manifests: 0, blobs: 0, uploads: 0, bytes: 0 }

  constructor(id: number) {
    this.id = id
  }

  /** What was removed so far. */
  get tally(): Tally {
    return { ...this.#tally }
  }

  /** Removes everything that is not kept. Rejects with the signal's reason once it is aborted. */
  async collect(parts: CollectionParts, terms: CollectionTerms, signal: AbortSignal): Promise<void> {
    const { blobs, repositoryPages, manifests, links, storedBlobs, remains } = parts
    await discardAbandoned(blobs, terms, this.#counted('uploads'), signal)
    for await (const repositories of repositoryPages(signal)) {
      for (const repository of repositories) {
        this.#tally.manifests += await manifests.removeUnkept(repository, terms, signal)
        await links.removeUnreferenced({ repositoryId: repository.id, signal }, terms)
      }
    }
    await storedBlobs.removeUnlinked(this.#counted('blobs'), signal)
    await storedBlobs.removeStrays(this.#counted('blobs'), signal)
    await remains.removeEmptyRepositories(terms, signal)
    await remains.removeUnusedReferences(signal)
  }

  /** Why the run did not remove all files; null if it did. Without paths, which only the log contains. */
  get message(): string | null {
    const { count, codes } = this.failures
    return count === 0 ? null : `cannot remove ${count} files (${[...codes].join(', ')}): see the log`
  }

  #counted(what: 'blobs' | 'uploads'): Removals {
    return {
      removed: (bytes) => {
        this.#tally[what]++
        this.#tally.bytes += bytes
      },
      failed: (error) => {
        if (this.failures.count++ === 0) this.failures.first = error
        this.failures.codes.add((error as NodeJS.ErrnoException).code ?? 'unknown')
      },
    }
  }
}
