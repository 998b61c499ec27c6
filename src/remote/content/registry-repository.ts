import type { Readable } from 'node:stream'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ListedPage } from './listing.ts'
import type { FetchedManifest, ResolvedManifest } from './manifests.ts'
import type { ReferrerListing } from './referrers.ts'

/** One repository of one registry. Every method throws RegistryError, or the signal's reason once it is aborted. */
export interface RegistryRepository {
  /**
   * Returns the valid tag names page by page, each once, in the registry's order. `from` is the `next` of an earlier page,
   * after which the listing continues.
   */
  listTags(from?: string): AsyncIterable<ListedPage<TagName>>
  /** Returns the image that the tag points to. `known` is the last known digest: when unchanged, no manifest is sent. */
  resolveTag(tag: TagName, known: Digest | null): Promise<ResolvedManifest>
  /** Returns the manifest's exact bytes, verified by the digest. */
  fetchManifest(digest: Digest): Promise<FetchedManifest>
  /** Returns a config's exact bytes, verified by the descriptor's digest. */
  fetchConfig(descriptor: Descriptor): Promise<Uint8Array>
  /**
   * Returns a blob as it arrives: exactly `size` bytes, not verified by the digest. Resolves with the first byte; the stream
   * fails with the errors of the methods.
   */
  fetchBlob(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Readable>
  /** Returns the referrers of a manifest: all, or those of one artifact type. */
  listReferrers(subject: Digest, artifactType: string | null): Promise<ReferrerListing>
  /** Returns the digest that the tag points to; null for a missing tag. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** Returns the whole blob of an attachment, such as a signature, verified by its digest. */
  fetchAttachment(descriptor: Pick<Descriptor, 'digest' | 'size'>, maxBytes: number): Promise<Uint8Array>
}
