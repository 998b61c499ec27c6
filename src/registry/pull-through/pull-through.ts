import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Content, LinkedManifest, Repository } from '../content/content.ts'
import { OciError } from '../protocol/errors.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'
import { createManifestAdmission } from './admission.ts'
import { BlobFetches } from './blob-fetches.ts'
import { type BlobOrigin, createBlobOrigins } from './origin.ts'
import { type BlobContent, PulledBlob } from './pulled-blob.ts'
import type { BlobSource } from './source.ts'

/** Serves imported content from the repository of the stream's name; blobs are fetched on first use. */
export interface PullThrough {
  /**
   * Returns the manifest of an imported tag with `referencePolicy: Local`, of an image in such a tag's history, or of a
   * child of an index that was served this way, and links it to the repository. Undefined for any other.
   */
  manifest(repository: RepositoryName, reference: TagName | Digest): Promise<LinkedManifest | undefined>
  /**
   * Returns a blob that the repository does not have and one of its imported manifests names; undefined for any other.
   * The fetch starts when the caller reads the blob. Throws OciError for one over the maximum size.
   */
  blob(repository: Repository, digest: Digest): Promise<BlobContent | undefined>
  /** Fetches and stores such a blob; does nothing for any other. Rejects with OciError. */
  store(repository: Repository, digest: Digest): Promise<void>
}

export interface PullThroughDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: BlobStore
  readonly source: BlobSource
  readonly limits: Pick<RegistryLimits, 'maximumBlobBytes'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log?: { warn(fields: object, message: string): void }
}

/** Disposing aborts the running fetches; clients that wait for them get an error. */
export function createPullThrough(dependencies: PullThroughDependencies): PullThrough & AsyncDisposable {
  const { db, content, blobs, limits, now, log } = dependencies
  const admission = createManifestAdmission({ db, content, now })
  const origins = createBlobOrigins({ db, content })
  const fetches = new BlobFetches({ ...dependencies, origins }, (error, fields) =>
    log?.warn({ err: error, ...fields }, 'cannot pull a blob through'),
  )

  const originOf = (repository: Repository, digest: Digest): BlobOrigin | undefined => {
    const origin = origins.of(repository.id, digest)
    if (origin && origin.size > limits.maximumBlobBytes) {
      const maximum = `the maximum of this registry is ${limits.maximumBlobBytes}`
      throw new OciError('DENIED', `the blob ${digest} has ${origin.size} bytes: ${maximum}`)
    }
    return origin
  }

  return {
    manifest: (repository, reference) => admission.admit(repository, reference),

    async blob(repository, digest) {
      const origin = originOf(repository, digest)
      return origin && new PulledBlob({ repository, origin, content, blobs, fetches })
    },

    async store(repository, digest) {
      const origin = originOf(repository, digest)
      if (origin) await fetches.store(repository, origin)
    },

    [Symbol.asyncDispose]: () => fetches[Symbol.asyncDispose](),
  }
}
