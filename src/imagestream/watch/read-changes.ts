import type { TagName } from '../../oci/tag.ts'
import type { ReportedMove, TagClaim, VendorListing, VendorPage } from '../../oci/vendor-listing.ts'
import type { VendorListingFailure } from '../image/remote-registry.ts'
import type { KnownTag, KnownTags } from './known-tags.ts'
import { fingerprintOf, needsRequest } from './tag-claims.ts'

/** Result of reading a vendor's listing. */
export interface ListingReading {
  /** Claims about tags that have to be requested from the registry. */
  readonly changes: readonly TagClaim[]
  /**
   * `ALL`: no other tag can have changed. `CHANGES`: all changed tags are included, but the number of tags differs from
   * the expected one: tags were deleted or added that the listing did not show. `PART`: tags that were not read may have
   * changed.
   */
  readonly covers: 'ALL' | 'CHANGES' | 'PART'
  /** Number of tags, null if the vendor does not report it. */
  readonly total: number | null
  /** Fingerprints of the first claims, which the next reading recognizes. */
  readonly fingerprints: string
  readonly moves: readonly ReportedMove[]
}

/** Results of the previous reading; null without one. */
export interface PreviousReading {
  readonly total: number | null
  readonly marks: string | null
}

/** Number of the first claims that have a fingerprint. One claim that did not change is enough to find the overlap. */
const FINGERPRINTS = 200
/** Number of moves that one reading keeps: an endless listing must not fill the memory. */
const MAXIMUM_MOVES = 10_000

/** A listing that was read, and that is implausible. */
class OddListingError extends Error implements VendorListingFailure {
  override readonly name = 'OddListingError'
  readonly code = 'VENDOR_LISTING'
  readonly reason = 'InvalidListing'
  readonly vendor: string

  constructor(vendor: string, flaw: string) {
    super(`the listing of ${vendor} is implausible: ${flaw}`)
    this.vendor = vendor
  }
}

/**
 * Reads the listing, newest claims first, until a page overlaps with the first page of the previous reading and the
 * number of tags is the expected one. Throws errors of the pages, and VendorListingFailure if the listing lacks most of
 * the known tags.
 */
export async function readChanges(
  listing: VendorListing,
  { before, known }: { readonly before: PreviousReading; readonly known: KnownTags },
): Promise<ListingReading> {
  const reader = new ListingReader(listing, before)
  for await (const page of listing.pages()) {
    reader.add(page, known.named(page.claims.map(({ tag }) => tag)))
    if (reader.isEnough) break
  }
  reader.checkPlausible(known.count())
  return reader
}

/**
 * Reads the first page of a listing with the newest claims first, for the fingerprints that the next reading needs.
 * Returns null for a listing in another order.
 */
export async function readNewestPage(
  listing: VendorListing,
  known: KnownTags,
): Promise<ListingReading | null> {
  if (!listing.newestFirst) return null
  const reader = new ListingReader(listing, { total: null, marks: null })
  for await (const page of listing.pages()) {
    reader.add(page, new Map())
    break
  }
  reader.checkPlausible(known.count())
  return reader
}

class ListingReader implements ListingReading {
  readonly changes: TagClaim[] = []
  readonly moves: ReportedMove[] = []
  total: number | null = null
  fingerprints = ''
  readonly #listing: VendorListing
  readonly #totalBefore: number | null
  readonly #fingerprintsBefore: ReadonlySet<string>
  readonly #seen = new Set<TagName>()
  /** Number of unknown tags. */
  #added = 0
  #pages = 0
  #overlaps = false
  #isComplete = false

  constructor(listing: VendorListing, { total, marks }: PreviousReading) {
    this.#listing = listing
    this.#totalBefore = total
    this.#fingerprintsBefore = new Set(marks?.split(' '))
  }

  /** `known`: the known tags among the page's claims. */
  add({ claims, total, moves, isComplete }: VendorPage, known: ReadonlyMap<TagName, KnownTag>): void {
    const { newestFirst } = this.#listing
    if (++this.#pages === 1 && newestFirst) {
      this.fingerprints = claims.slice(0, FINGERPRINTS).map(fingerprintOf).join(' ')
    }
    this.total ??= total
    this.#isComplete = isComplete
    this.moves.push(...moves.slice(0, MAXIMUM_MOVES - this.moves.length))
    for (const claim of claims) {
      if (newestFirst) this.#overlaps ||= this.#fingerprintsBefore.has(fingerprintOf(claim))
      // a tag that changes while the listing is read appears twice: the first claim is the newer one
      if (this.#seen.has(claim.tag)) continue
      this.#seen.add(claim.tag)
      const tag = known.get(claim.tag)
      if (!tag?.isTag && !tag?.isClaimed) this.#added++
      if (needsRequest(claim, tag)) this.changes.push(claim)
    }
  }

  /** Whether no further page is needed. */
  get isEnough(): boolean {
    return this.#isComplete || (this.#overlaps && this.#hasExpectedTotal)
  }

  get covers(): ListingReading['covers'] {
    if (this.isEnough) return 'ALL'
    return this.#overlaps ? 'CHANGES' : 'PART'
  }

  /** Throws OddListingError for a listing that lost most tags: the registry itself is read instead. */
  checkPlausible(known: number): void {
    const { vendor } = this.#listing
    if (known > 0 && this.#seen.size === 0)
      throw new OddListingError(vendor, `it is empty, but ${known} tags are known`)
    const listed = this.#isComplete ? this.#seen.size : (this.total ?? known)
    if (listed < known / 2) {
      throw new OddListingError(vendor, `it has ${listed} tags, but ${known} are known`)
    }
  }

  /** Whether the total is the previous total and the tags that were added. */
  get #hasExpectedTotal(): boolean {
    if (this.#totalBefore === null || this.total === null) return true
    return this.total === this.#totalBefore + this.#added
  }
}
