import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Session } from '../session/session.ts'
import { type BlobPush, uploadBlob } from './blob-upload.ts'
import { hasBlob } from './blobs.ts'
import { confirmManifest } from './manifests.ts'
import { type ManifestPush, type ManifestReceipt, pushManifest } from './push-manifest.ts'
import { digestOfTag } from './referrers.ts'
import { addReferrer } from './referrers-tag.ts'
import { UploadRequests } from './upload-requests.ts'

/** How a blob is pushed. */
export interface BlobPushOptions {
  /** A repository of the same registry that has the blob, so that the registry need not receive its bytes. */
  readonly mountFrom?: string | undefined
  /** Receives the number of bytes sent so far; less than before when some of them were lost. */
  readonly onProgress?: ((sent: number) => void) | undefined
}

export interface WritableRepositoryOptions {
  /** Opens a session of the repository that may also pull from another one at its location; null when that is elsewhere. */
  readonly openMounting: (from: string) => { readonly session: Session; readonly from: string } | null
  /** Creates the repository where the registry requires that before a push. Throws the error for it where it does not. */
  readonly create: (missing: RegistryError) => Promise<void>
}

/**
 * One repository of one registry that content is pushed to: at its origin, never at a mirror. Every method rejects with
 * RegistryError, or the signal's reason once it is aborted. Reasons of refused pushes, besides those of reads: `Immutable`,
 * `TooLarge`, `MissingContent` (the manifest refers to content that the repository lacks) and `InvalidManifest`.
 */
export type WritableRepository = ReturnType<typeof writableRepositoryAt>

/** Creates the repository at the location of a session for pushes. */
export function writableRepositoryAt(session: Session, { openMounting, create }: WritableRepositoryOptions) {
  /** Sends a request; once more where that creates the repository. */
  const created = async <Result>(send: () => Promise<Result>): Promise<Result> => {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof RegistryError && error.reason === 'NotFound')) throw error
      await create(error)
      return send()
    }
  }

  /** Starts an upload. Registries that refuse to mount, for lack of access to the other repository, take the bytes. */
  const start = async (digest: Digest, mountFrom: string | undefined) => {
    const mounting = mountFrom === undefined ? null : openMounting(mountFrom)
    if (mounting) {
      try {
        return await new UploadRequests(mounting.session, digest).start(mounting.from)
      } catch (error) {
        if (!isNotMounted(error)) throw error
      }
    }
    return new UploadRequests(session, digest).start(null)
  }

  return {
    /** Reports whether the repository has the blob. */
    hasBlob: (digest: Digest): Promise<boolean> => hasBlob(session, digest),
    /** Reports whether the repository has the manifest. */
    hasManifest: (digest: Digest): Promise<boolean> =>
      confirmManifest(session, digest).then(
        () => true,
        (error: unknown) => {
          if (error instanceof RegistryError && error.reason === 'NotFound') return false
          throw error
        },
      ),
    /** Returns the digest that the tag points to; null for a missing tag, and for a missing repository. */
    digestOfTag: (tag: TagName): Promise<Digest | null> => digestOfTag(session, tag),
    /** Pushes a blob that the repository lacks. Returns how it got there. */
    async pushBlob(
      blob: BlobPush,
      { mountFrom, onProgress = () => {} }: BlobPushOptions = {},
    ): Promise<'MOUNTED' | 'UPLOADED'> {
      const started = await created(() => start(blob.digest, mountFrom))
      if (started.status === 201) return 'MOUNTED'
      await uploadBlob(session, blob, { started, onProgress })
      return 'UPLOADED'
    },
    /** Pushes a manifest whose content the repository has. */
    pushManifest: (manifest: ManifestPush): Promise<ManifestReceipt> =>
      created(() => pushManifest(session, manifest)),
    /** Adds a pushed manifest to the list of referrers that clients keep under the tag named after the subject's digest. */
    addReferrer: (subject: Digest, referrer: Descriptor): Promise<void> =>
      addReferrer(session, subject, referrer),
  }
}

/** Reports whether the registry does not mount: some fail with 500 or 501 where the specification has them take the bytes. */
const isNotMounted = (error: unknown): boolean =>
  error instanceof RegistryError && (NOT_MOUNTED.has(error.reason) || (error.status ?? 0) >= 500)

const NOT_MOUNTED: ReadonlySet<string> = new Set([
  'NotFound',
  'Unauthorized',
  'Forbidden',
  'InvalidManifest',
  'MissingContent',
])
