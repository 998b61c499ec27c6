import type { Writable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { ByteRange } from '../../blobs/send.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import type { Content, Repository } from '../content/content.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { createManifestAdmission } from './admission.ts'
import type { BlobProgress, BlobRecipient } from './blob-fetch.ts'
import { BlobFetches } from './blob-fetches.ts'
import { type BlobOrigin, createBlobOrigins } from './origin.ts'
import type { BlobSource } from './source.ts'

/** A blob to be sent to a client. Disposing releases it and does not end a fetch that other clients wait for. */
export interface BlobContent extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** Resolves when there are bytes to send; call it before writing the response's headers. Rejects with OciError. */
  ready?(): Promise<void>
  /**
   * Writes a part at the client's pace and does not end `to`. Rejects when `to` closes and when the rest will not
   * arrive. The last byte of the blob is sent only after verification: a client of a failed fetch never has it all.
   */
  send(range: ByteRange, to: Writable): Promise<void>
}

/** Serves imported content from the repository of the stream's name; blobs are fetched on first use. */
export type PullThrough = Pick<ReturnType<typeof createPullThrough>, 'manifest' | 'blob' | 'store'>

/** Fetches of blobs that a repository is to get without a manifest that names them. */
export type BlobFetching = Pick<ReturnType<typeof createPullThrough>, 'begin' | 'store'>

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

/**
 * Creates the fetches of blobs at their source. Disposing aborts the running fetches; clients that wait for them get an
 * error.
 */
export function createPullThrough(dependencies: PullThroughDependencies) {
  const { db, content, blobs, limits, now, log } = dependencies
  const origins = createBlobOrigins({ db, content })
  const fetches = new BlobFetches({ ...dependencies, origins }, (error, fields) =>
    log?.warn({ err: error, ...fields }, 'cannot pull a blob through'),
  )

  const originOf = (repository: Repository, digest: Digest): BlobOrigin | undefined => {
    const origin = origins.of(repository.id, digest)
    if (origin && origin.size > limits.maximumBlobBytes) {
      const maximum = `the maximum of this registry is ${limits.maximumBlobBytes}, which --maximum-blob-gib changes`
      throw new OciError('DENIED', `the blob ${digest} has ${origin.size} bytes: ${maximum}`)
    }
    return origin
  }

  /** Returns the bytes from the store if a fetch has ended since the caller's lookup, else joins a fetch. */
  const open = async (repository: Repository, origin: BlobOrigin): Promise<SendableBlob> => {
    const isLinked = content.blob(repository.id, origin.digest) !== undefined
    return (isLinked && (await blobs.open(origin.digest))) || fetches.join(repository, origin)
  }

  return {
    /**
     * Returns the manifest of an imported tag with `referencePolicy: Local`, of an image in such a tag's history, or of a
     * child of an index that was served this way, and links it to the repository. Undefined for any other.
     */
    manifest: createManifestAdmission(db, content, now),

    /**
     * Returns a blob that the repository does not have and one of its imported manifests names; undefined for any other.
     * The fetch starts when the caller reads the blob. Throws OciError for one over the maximum size.
     */
    blob(repository: Repository, digest: Digest): BlobContent | undefined {
      const origin = originOf(repository, digest)
      if (!origin) return undefined
      let opening: Promise<SendableBlob> | undefined
      const opened = (): Promise<SendableBlob> => (opening ??= open(repository, origin))
      return {
        size: origin.size,
        ready: async () => void (await opened()),
        send: async (range, to) => (await opened()).send(range, to),
        async [Symbol.asyncDispose]() {
          const blob = await opening?.catch(() => undefined)
          await blob?.[Symbol.asyncDispose]?.()
        },
      }
    },

    /** Fetches and stores such a blob; does nothing for any other. Rejects with OciError. */
    async store(repository: Repository, digest: Digest): Promise<void> {
      const origin = originOf(repository, digest)
      if (origin) await fetches.store(repository, origin)
    },

    /**
     * Fetches a blob from its origin and stores it in the recipient's repository; fetches of the same blob and namespace are
     * shared. `stored` rejects with RegistryError, DigestMismatchError, StorageFullError, or the signal's reason.
     */
    begin: (recipient: BlobRecipient, origin: BlobOrigin): BlobProgress => fetches.begin(recipient, origin),

    [Symbol.asyncDispose]: () => fetches[Symbol.asyncDispose](),
  }
}

type SendableBlob = Pick<BlobContent, 'send'> & Partial<AsyncDisposable>
