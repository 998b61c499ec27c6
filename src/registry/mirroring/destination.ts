import type { Readable } from 'node:stream'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type { BlobSourceOptions } from '../pull-through/source.ts'
import type { RepositoryReference } from './mirroring.ts'

/** A blob to push. It is read again from an offset where its push was interrupted there. */
export interface PushedBlob extends Pick<Descriptor, 'digest' | 'size'> {
  read(offset: number): Promise<Readable>
}

/** A repository of another registry that images are copied to. Methods reject with RegistryError, or the signal's reason. */
export interface ImageDestination {
  hasBlob(digest: Digest): Promise<boolean>
  hasManifest(digest: Digest): Promise<boolean>
  /** Returns the digest that the tag points to; null for a missing tag. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** Pushes a blob, or mounts it from a repository of the same registry. Rejects as `read` does. */
  pushBlob(
    blob: PushedBlob,
    options: {
      /** Another repository of the same registry, which has the blob. */
      readonly mountFrom: string | undefined
      /** Called with the number of bytes sent so far. */
      readonly onProgress: (sent: number) => void
    },
  ): Promise<'MOUNTED' | 'UPLOADED'>
  /** `isReferrerListed`: whether the registry lists a manifest that has a subject; `addReferrer` does where it does not. */
  pushManifest(manifest: {
    readonly reference: TagName | Digest
    readonly mediaType: string
    readonly bytes: Uint8Array
  }): Promise<{ readonly digest: Digest; readonly isReferrerListed: boolean }>
  addReferrer(subject: Digest, referrer: Descriptor): Promise<void>
}

export interface DestinationOptions extends BlobSourceOptions {
  /** Whether the server's own logins (`--docker-config`) may be used where the namespace has no credential. */
  readonly usesServerLogins: boolean
  /** Whether to create the repository where its registry does not do so by itself. */
  readonly createRepository: boolean
}

/** The repositories of other registries; `app/mirroring.ts` connects them. */
export interface ImageDestinations {
  open(repository: RepositoryReference, options: DestinationOptions): ImageDestination
  /** Returns the repository that requests for this one are sent to, by the registry configurations. */
  locate(repository: RepositoryReference): RepositoryReference
}

/**
 * Returns what the destination shows; undefined where it refuses to show it, as Harbor does for images that it holds back, and any
 * registry for a credential that may only push: the push itself finds out.
 */
export const look = <Shown>(request: Promise<Shown>): Promise<Shown | undefined> =>
  request.catch((error: unknown) => {
    if (error instanceof RegistryError && HIDDEN.has(error.status ?? 0)) return undefined
    throw error
  })

/** Statuses by which registries refuse to show what can be pushed. */
const HIDDEN: ReadonlySet<number> = new Set([400, 403, 405, 412, 451])
