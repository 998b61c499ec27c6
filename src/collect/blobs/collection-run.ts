import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import { NOTHING, type Tally } from './collections.ts'
import { createLinkCollection } from './links.ts'
import { createManifestCollection } from './manifests.ts'
import type { RemovalHold } from './removal-hold.ts'
import { removeEmptyRepositories, removeUnusedReferences, repositoryPages } from './repositories.ts'
import { createStoredBlobs, type Removals } from './stored-blobs.ts'
import type { CollectionTerms } from './terms.ts'
import { discardAbandoned } from './uploads.ts'

/** What a run and a plan work with. */
export type CollectionParts = ReturnType<typeof createCollectionParts>

export const createCollectionParts = (db: Database, blobs: BlobStore, hold: RemovalHold) => ({
  db,
  blobs,
  manifests: createManifestCollection(db),
  links: createLinkCollection(db),
  storedBlobs: createStoredBlobs(db, blobs, hold),
})

/** One run of the garbage collection. */
export class CollectionRun {
  readonly id: number
  /** Removals of files that failed: their number, the first error and the error codes. */
  readonly failures = { count: 0, first: undefined as unknown, codes: new Set<string>() }
  readonly #tally = { ...NOTHING }

  constructor(id: number) {
    this.id = id
  }

  /** What was removed so far. */
  get tally(): Tally {
    return { ...this.#tally }
  }

  /** Removes everything that is not kept. Rejects with the signal's reason once it is aborted. */
  async collect(parts: CollectionParts, terms: CollectionTerms, signal: AbortSignal): Promise<void> {
    const { db, blobs, manifests, links, storedBlobs } = parts
    await discardAbandoned(blobs, terms, this.#counted('uploads'), signal)
    for await (const repositories of repositoryPages(db, signal)) {
      for (const repository of repositories) {
        this.#tally.manifests += await manifests.removeUnkept(repository, terms, signal)
        await links.removeUnreferenced({ repositoryId: repository.id, signal }, terms)
      }
    }
    await storedBlobs.removeUnlinked(this.#counted('blobs'), signal)
    await storedBlobs.removeStrays(this.#counted('blobs'), signal)
    await removeEmptyRepositories(db, terms, signal)
    await removeUnusedReferences(db, signal)
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
