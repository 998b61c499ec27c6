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
   * The legal tag names, page by page as they arrive, each once, in the registry's order; `from` is the `next` of a page
   * that was read before, behind which the listing goes on.
   */
  listTags(from?: string): AsyncIterable<ListedPage<TagName>>
  /** What the tag means now; `known` is what it meant when last asked, and makes the question cheaper. */
  resolveTag(tag: TagName, known: Digest | null): Promise<ResolvedManifest>
  /** The manifest's exact bytes, verified against the digest. */
  fetchManifest(digest: Digest): Promise<FetchedManifest>
  /** A config's exact bytes, verified against the descriptor's digest. */
  fetchConfig(descriptor: Descriptor): Promise<Uint8Array>
  /**
   * A blob's bytes as they arrive, exactly `size` of them, not verified against the digest. Resolves when the first is
   * here; the stream fails as the methods do.
   */
  fetchBlob(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Readable>
  /** What is said to be about the manifest: all of it, or what has this artifact type. */
  listReferrers(subject: Digest, artifactType: string | null): Promise<ReferrerListing>
  /** What the tag means now; null where there is none. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** What is attached to an image, a signature say: the whole, verified against its digest. */
  fetchAttachment(descriptor: Pick<Descriptor, 'digest' | 'size'>, maxBytes: number): Promise<Uint8Array>
}
