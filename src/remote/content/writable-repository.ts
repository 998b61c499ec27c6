import type { Readable } from 'node:stream'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'

/** A blob that is pushed; it is read again from an offset when the upload was interrupted there. */
export interface BlobPush extends Pick<Descriptor, 'digest' | 'size'> {
  /**
   * Returns the bytes from `offset` on, exactly `size - offset`, which the push reads to the end or destroys. Its errors
   * reject the push as they are.
   */
  read(offset: number): Readable | Promise<Readable>
}

/** How a blob is pushed. */
export interface PushBlobOptions {
  /** A repository that has the blob; used where it is on the same registry, which then need not receive the bytes. */
  readonly mountFrom?: Pick<Reference, 'registry' | 'repository'> | undefined
  /** Receives the number of bytes sent so far; less than before when the registry lost some of them. */
  readonly onProgress?: ((sent: number) => void) | undefined
}

/** A manifest that is pushed. */
export interface ManifestPush {
  readonly reference: TagName | Digest
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/**
 * One repository of one registry that content is pushed to: at its origin, never at a mirror. Every method rejects with
 * RegistryError, or the signal's reason once it is aborted. Reasons of refused pushes, besides those of reads: `Immutable`,
 * `TooLarge`, `MissingContent` (the manifest refers to content that the repository lacks) and `InvalidManifest`.
 */
export interface WritableRepository {
  /** Reports whether the repository has the blob. */
  hasBlob(digest: Digest): Promise<boolean>
  /** Reports whether the repository has the manifest. */
  hasManifest(digest: Digest): Promise<boolean>
  /** Returns the digest that the tag points to; null for a missing tag, and for a missing repository. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** Pushes a blob that the repository lacks. Returns how it got there. */
  pushBlob(blob: BlobPush, options?: PushBlobOptions): Promise<'MOUNTED' | 'UPLOADED'>
  /**
   * Pushes a manifest whose content the repository has. `isReferrerListed`: whether the registry lists a manifest with a
   * `subject` as its referrer; where it does not, `addReferrer` does.
   */
  pushManifest(
    manifest: ManifestPush,
  ): Promise<{ readonly digest: Digest; readonly isReferrerListed: boolean }>
  /** Adds a pushed manifest to the list of referrers that clients keep under the tag named after the subject's digest. */
  addReferrer(subject: Digest, referrer: Descriptor): Promise<void>
}
