import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { VendorListing } from '../../oci/vendor-listing.ts'

/**
 * Why an import runs: a webhook reported a change, or a schedule is due. Undefined for an import that a client requested.
 */
export type Urgency = 'webhook' | 'schedule'

/** The registries that imports read; implemented by the room `remote`. */
export interface RemoteRegistry {
  /** Returns a client for one repository, without opening a connection. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>, options: RemoteOptions): RemoteRepository
}

export interface RemoteOptions {
  /** Whether plain HTTP and invalid certificates are allowed. */
  readonly insecure: boolean
  /** Queue of the request: the slots of a registry alternate between lanes, so that a large import delays no small one. */
  readonly lane: string
  /** Namespace whose credentials are used; null for the server's own. */
  readonly namespace: string | null
  /** Priority: webhooks first, then clients, then schedules, which also leave a part of the registry's quota to the others. */
  readonly urgency?: Urgency
  readonly signal: AbortSignal
}

/** One repository of one registry. Every method throws RegistryError, or the signal's reason once it is aborted. */
export interface RemoteRepository {
  /**
   * Returns the valid tag names, page by page as they arrive, in the registry's order. `from` is the `next` of a page that
   * was read before: the list continues after that page.
   */
  listTags(from?: string): AsyncIterable<TagPage>
  /** Returns the digest of the tag. `known` is its digest in the last response, for a conditional request. */
  resolveTag(tag: TagName, known: Digest | null): Promise<ResolvedTag>
  /** Returns the exact bytes of a manifest, verified against the digest. */
  fetchManifest(digest: Digest): Promise<RemoteManifest>
  /** Confirms that the repository has the manifest; the reason of the error is NotFound where it has not. */
  confirmManifest(digest: Digest): Promise<void>
  /** Returns the exact bytes of a config, verified against the descriptor's digest. */
  fetchConfig(descriptor: Descriptor): Promise<Uint8Array>
  /**
   * Returns the vendor's own tag listing, or null for a registry without one; sends only the requests that detect the
   * vendor. Undefined where vendor listings are disabled.
   */
  vendorListing?(): Promise<VendorListing | null>
}

/** One page of a tag list. */
export interface TagPage {
  readonly names: readonly TagName[]
  /** Where the list continues after this page, also later; null on the last page, and where the registry cannot resume. */
  readonly next: string | null
  /** Set where the registry's pages repeat: it may have tags that are in none of them. */
  readonly isPartial?: true
}

/** The digest of a tag. */
export interface ResolvedTag {
  readonly digest: Digest
  /** Set when a source names the digest, and nothing was requested from its repository. */
  readonly isUnconfirmed?: true
  /** Set when the registry returned the digest only together with the manifest. */
  readonly manifest?: RemoteManifest
}

export interface RemoteManifest {
  readonly digest: Digest
  /** The `Content-Type` of the response; may be empty or wrong. */
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** A vendor's listing that cannot be read or parsed. */
export interface VendorListingFailure extends Error {
  readonly code: 'VENDOR_LISTING'
  readonly vendor: string
  readonly reason: FailureReason
}

export const isVendorListingFailure = (error: unknown): error is VendorListingFailure =>
  error instanceof Error && 'code' in error && error.code === 'VENDOR_LISTING'
