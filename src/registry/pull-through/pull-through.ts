import type { Readable, Writable } from 'node:stream'
import type { BlobStore, ByteRange } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Content, LinkedManifest, Repository } from '../content/content.ts'
import { OciError } from '../protocol/errors.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'
import { createAdmission } from './admission.ts'
import { PulledBlob } from './blob.ts'
import { BlobFetches } from './fetch.ts'
import { createOrigins, type Origin } from './origin.ts'

/** Content that a stream imported, for the clients of the repository of the same name: fetched on first use. */
export interface PullThrough {
  /**
   * The manifest of an imported tag with `referencePolicy: Local`, of an image in such a tag's history, or of a child of
   * an index that was served so; from then on it is the repository's. Undefined for any other.
   */
  manifest(repository: RepositoryName, reference: TagName | Digest): Promise<LinkedManifest | undefined>
  /**
   * A blob that the repository does not have and one of its imported manifests names; undefined for any other. Nothing
   * is fetched before it is asked for. Throws OciError for one that is too large to be kept.
   */
  blob(repository: Repository, digest: Digest): Promise<BlobContent | undefined>
  /** Makes such a blob the repository's own; does nothing for any other. Rejects with OciError. */
  bring(repository: Repository, digest: Digest): Promise<void>
}

/** A blob to be sent. Disposing lets go of it, and ends nothing that is under way for others. */
export type BlobContent = AsyncDisposable & {
  /** Bytes. */
  readonly size: number
  /**
   * Resolves when there is something to send. Rejects with the OciError to answer with: to be awaited, where it is there,
   * before the answer's headers are written.
   */
  ready?(): Promise<void>
  /**
   * Writes a part at the client's pace; does not end `to`. Rejects when `to` closes, and when the rest will not come: the
   * last byte of the whole is sent only once it is verified, so that a client whose connection is then cut has a part.
   */
  send(range: ByteRange, to: Writable): Promise<void>
}

/** What is needed of other registries; `app.ts` joins it to the adapter in `remote/`. */
export interface BlobSource {
  /**
   * The blob's bytes as they arrive, `size` of them, not verified; resolves when the first is here. Rejects with, and the
   * stream fails with, RegistryError or the signal's reason.
   */
  fetchBlob(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options: SourceOptions,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<Readable>
}

export interface SourceOptions {
  /** Plain HTTP or a certificate that does not verify is acceptable there. */
  readonly insecure: boolean
  /** Whose work it is: a registry's connections go round between lanes. */
  readonly lane: string
  /** For which namespace, by whose credentials. */
  readonly namespace: string
  readonly signal: AbortSignal
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

/** Disposing ends the fetches that are under way, and the clients that wait for them. */
export function createPullThrough(dependencies: PullThroughDependencies): PullThrough & AsyncDisposable {
  const { db, content, blobs, limits, now } = dependencies
  const admission = createAdmission({ db, content, now })
  const origins = createOrigins({ db, content })
  const fetches = new BlobFetches({ ...dependencies, origins })

  const originOf = (repository: Repository, digest: Digest): Origin | undefined => {
    const origin = origins.of(repository.id, digest)
    if (origin && origin.size > limits.maximumBlobBytes) {
      const most = `this registry keeps none of more than ${limits.maximumBlobBytes}`
      throw new OciError('DENIED', `the blob ${digest} has ${origin.size} bytes, and ${most}`)
    }
    return origin
  }

  return {
    manifest: (repository, reference) => admission.admit(repository, reference),

    async blob(repository, digest) {
      const origin = originOf(repository, digest)
      return origin && new PulledBlob({ repository, origin, content, blobs, fetches })
    },

    async bring(repository, digest) {
      const origin = originOf(repository, digest)
      if (origin) await fetches.bring(repository, origin)
    },

    [Symbol.asyncDispose]: () => fetches[Symbol.asyncDispose](),
  }
}
