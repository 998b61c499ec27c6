import type { Digest } from './digest.ts'
import type { TagName } from './tag.ts'

/**
 * A tag list of a registry vendor's own API, which has the digests of many tags in one response. It is a hint: it may be
 * stale, and only responses of the registry protocol are stored.
 */
export interface VendorListing {
  /** Display name: `Docker Hub`, `Quay`. */
  readonly vendor: string
  /**
   * True when the tags that changed last come first, so that a page of known claims is followed by known claims. For Harbor
   * and GitHub this holds for pushes only: an old image that is tagged again keeps its position.
   */
  readonly newestFirst: boolean
  /** Reads the pages. Throws VendorListingError, or the signal's reason once it is aborted. */
  pages(): AsyncIterable<VendorPage>
}

/** One page of a vendor's listing. */
export interface VendorPage {
  /** Claims with valid tag names, without referrers tags; each tag occurs once in a listing. */
  readonly claims: readonly TagClaim[]
  /** Number of all tags; null when the vendor does not report it. */
  readonly total: number | null
  /** Earlier moves of tags that the vendor reports. */
  readonly moves: readonly ReportedMove[]
  /** True when this is the last page, no limit was reached, and the listing has at least one tag. */
  readonly isComplete: boolean
}

/** The image that a tag points to according to a vendor. */
export interface TagClaim {
  readonly tag: TagName
  /** Null when the vendor reports none, or an invalid one. */
  readonly digest: Digest | null
  /** Milliseconds since 1970, by the vendor's clock; null when the vendor reports none. */
  readonly changedAt: number | null
}

/** A time during which a tag pointed to an image, according to a vendor. Milliseconds since 1970, by the vendor's clock. */
export interface ReportedMove {
  readonly tag: TagName
  readonly digest: Digest
  readonly from: number
  /** Null when the tag still points to the image. */
  readonly until: number | null
}
