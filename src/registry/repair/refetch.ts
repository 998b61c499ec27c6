import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatRepository } from '../../oci/reference.ts'
import type { Content, Repository } from '../content/content.ts'
import type { BlobFetching } from '../pull-through/pull-through.ts'
import { createKnownSources, type KnownSource } from './known-sources.ts'

export interface RefetchDependencies {
  readonly db: Database
  readonly content: Content
  readonly fetching: Pick<BlobFetching, 'begin'>
  /** Returns the `host[:port]` of this registry. */
  readonly host: () => string
}

/**
 * Fetches a blob again that its repositories have and the store has lost. Resolves to null when it is stored, to why not, or to
 * undefined where no source is known.
 */
export type Refetch = (
  digest: Digest,
  size: number,
  signal: AbortSignal,
) => Promise<string | null | undefined>

/** Creates the second fetch of lost blobs, from the registries that their images came from. */
export function createRefetch({ db, content, fetching, host }: RefetchDependencies): Refetch {
  const known = createKnownSources(db, host)

  const fetchFrom = (
    repository: Repository,
    { reference, insecure }: KnownSource,
    { digest, size, signal }: { digest: Digest; size: number; signal: AbortSignal },
  ): Promise<void> => {
    // a repository that still has the blob
    const entitledId = (_tx: Transaction) =>
      content.blob(repository.id, digest) === undefined ? undefined : repository.id
    return fetching.begin({ repository, entitledId, signal }, { reference, insecure, digest, size }).stored
  }

  return async (digest, size, signal) => {
    let failure: string | undefined
    for (const repository of known.repositories(digest)) {
      for (const source of known.sources(repository, digest)) {
        try {
          await fetchFrom(repository, source, { digest, size, signal })
          return null
        } catch (error) {
          signal.throwIfAborted()
          failure = `${formatRepository(source.reference)}: ${error instanceof Error ? error.message : error}`
        }
      }
    }
    return failure
  }
}
