import type { Readable } from 'node:stream'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { BlobSourceOptions } from '../pull-through/source.ts'
import type { MirroredImage, RepositoryReference } from './mirroring.ts'

/** A repository that an image is copied from. Methods reject with RegistryError, or the signal's reason. */
export interface ImageSource {
  /** Returns the digest that the tag points to. Rejects with NotFound for a missing tag. */
  resolveTag(tag: TagName): Promise<Digest>
  /** As `resolveTag`, and null for a missing tag. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** Returns the exact bytes of a manifest, verified by the digest. */
  fetchManifest(digest: Digest): Promise<{ readonly bytes: Uint8Array; readonly contentType: string }>
  /** Returns the referrers of a manifest, unverified. */
  listReferrers(subject: Digest, artifactType: null): Promise<{ readonly descriptors: readonly Descriptor[] }>
}

/** The repositories of other registries, and of this one; `app/mirroring.ts` connects them. */
export interface ImageSources {
  open(reference: RepositoryReference, options: BlobSourceOptions): ImageSource
  /** Reports whether the registry is this one. */
  isOwn(registry: string): boolean
  /**
   * Yields the images of all tags of a repository, or of a stream that the viewer sees, in parts, each with the tag of its
   * name. Throws RegistryError, NotFoundError, or the signal's reason.
   */
  list(
    viewer: Viewer,
    of: StreamName | RepositoryReference,
    options: BlobSourceOptions,
  ): AsyncIterable<readonly MirroredImage[]>
  /** Returns a blob of another registry from its first byte, not verified. Rejects as the methods of `ImageSource`. */
  fetchBlob(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options: BlobSourceOptions,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<Readable>
}
