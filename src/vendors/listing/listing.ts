import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/**
 * A listing beside the registries' protocol that tells many tags with their digests at once. What it says is a hint: it
 * may be stale, and only what the registry answers by its protocol is true.
 */
export interface VendorListing {
  /** As people call it: `Docker Hub`, `Quay`. */
  readonly vendor: string
  /**
   * What changed last comes first: what follows a page of known claims is known too. Of Harbor and GitHub this holds
   * for pushes alone: an old image that is tagged anew stays where it was.
   */
  readonly newestFirst: boolean
  /** As they arrive. Throws VendorListingError, or the signal's reason once it is aborted. */
  pages(): AsyncIterable<VendorPage>
}

export interface VendorPage {
  /** Each tag once in a listing, legal names only, and none that only carries referrers. */
  readonly claims: readonly TagClaim[]
  /** Tags in all, where the vendor says. */
  readonly total: number | null
  /** Moves in the past that the vendor tells of, with its own times. */
  readonly moves: readonly ReportedMove[]
  /** Whether the listing ends here because all of it was told, and no limit was met; never of no tag at all. */
  readonly isComplete: boolean
}

export interface TagClaim {
  readonly tag: TagName
  /** Null where the vendor does not say, or says what is no digest. */
  readonly digest: Digest | null
  /** Milliseconds since 1970, by the vendor's clock. */
  readonly changedAt: number | null
}

/** That a tag meant an image for a time. Milliseconds since 1970, by the vendor's clock. */
export interface ReportedMove {
  readonly tag: TagName
  readonly digest: Digest
  readonly from: number
  /** Null where it still does. */
  readonly until: number | null
}
