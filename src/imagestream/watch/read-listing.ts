import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ReportedMove, TagClaim, VendorListing, VendorPage } from '../../oci/vendor-listing.ts'
import type { VendorListingFailure } from '../image/remote-registry.ts'
import type { KnownTag, KnownTags } from './known-tags.ts'
import { isNews, markOf } from './tag-claims.ts'

/** What a vendor's listing said this time. */
export interface Reading {
  /** What is claimed of tags for which the registry is to be asked. */
  readonly news: readonly TagClaim[]
  /**
   * `ALL`: nothing else can have changed. `CHANGES`: everything that changed is in it, but there are fewer or more tags
   * than can be explained, and the listing did not show which. `PART`: what was not shown may have changed.
   */
  readonly covers: 'ALL' | 'CHANGES' | 'PART'
  /** Tags in all, where the vendor says. */
  readonly total: number | null
  /** The claims of the first page, to be recognised by the next reading. */
  readonly marks: string
  readonly moves: readonly ReportedMove[]
}

/** What the reading before this one left; nulls where there was none. */
export interface ReadingBefore {
  readonly total: number | null
  readonly marks: string | null
}

/** Claims looked at at a time; between two such pieces other work gets its turn. */
const PIECE = 1000
/** Claims of the first page that are recognised: by the first one that has not changed, most is said. */
const MARKS = 200
/** Moves that one reading keeps: what a listing has no end of must not fill the memory. */
const MAXIMUM_MOVES = 10_000

/** A listing that is there, and cannot be true. */
class OddListingError extends Error implements VendorListingFailure {
  override readonly name = 'OddListingError'
  readonly code = 'VENDOR_LISTING'
  readonly reason = 'OddShape'
  readonly vendor: string

  constructor(vendor: string, what: string) {
    super(`the listing of ${vendor} cannot be right: ${what}`)
    this.vendor = vendor
  }
}

/**
 * Reads as far as anything can have changed: newest first, up to the page that overlaps with what the last reading saw
 * first, if there are as many tags as then and those that are new. Throws what the pages throw, and VendorListingFailure
 * where hardly any of the known tags are left.
 */
export async function readListing(
  listing: VendorListing,
  { before, known }: { readonly before: ReadingBefore; readonly known: KnownTags },
): Promise<Reading> {
  const reader = new ListingReader(listing, before)
  for await (const page of listing.pages()) {
    reader.begin(page)
    for (let at = 0; at < page.claims.length; at += PIECE) {
      if (at > 0) await yieldToEventLoop()
      const claims = page.claims.slice(at, at + PIECE)
      reader.add(claims, known.named(claims.map(({ tag }) => tag)))
    }
    if (reader.isEnough) break
  }
  reader.refuseOdd(known.count())
  return reader
}

/** The first page alone, of a listing that shows there what changed last: what the next reading begins from. */
export async function readMarks(listing: VendorListing, known: KnownTags): Promise<Reading | null> {
  if (!listing.newestFirst) return null
  const reader = new ListingReader(listing, { total: null, marks: null })
  for await (const page of listing.pages()) {
    reader.begin(page)
    reader.add(page.claims, NOTHING_KNOWN)
    break
  }
  reader.refuseOdd(known.count())
  return reader
}

const NOTHING_KNOWN: ReadonlyMap<TagName, KnownTag> = new Map()

class ListingReader implements Reading {
  readonly news: TagClaim[] = []
  readonly moves: ReportedMove[] = []
  total: number | null = null
  marks = ''
  readonly #listing: VendorListing
  readonly #totalBefore: number | null
  readonly #marksBefore: ReadonlySet<string>
  readonly #seen = new Set<TagName>()
  /** Tags that were not there before. */
  #added = 0
  #pages = 0
  #overlaps = false
  #isComplete = false

  constructor(listing: VendorListing, { total, marks }: ReadingBefore) {
    this.#listing = listing
    this.#totalBefore = total
    this.#marksBefore = new Set(marks?.split(' '))
  }

  begin({ claims, total, moves, isComplete }: VendorPage): void {
    if (++this.#pages === 1 && this.#listing.newestFirst) {
      this.marks = claims.slice(0, MARKS).map(markOf).join(' ')
    }
    this.total ??= total
    this.#isComplete = isComplete
    this.moves.push(...moves.slice(0, MAXIMUM_MOVES - this.moves.length))
  }

  add(claims: readonly TagClaim[], known: ReadonlyMap<TagName, KnownTag>): void {
    for (const claim of claims) {
      if (this.#listing.newestFirst) this.#overlaps ||= this.#marksBefore.has(markOf(claim))
      // a tag that moves while its listing is read shows up twice: the first is the newer one
      if (this.#seen.has(claim.tag)) continue
      this.#seen.add(claim.tag)
      const tag = known.get(claim.tag)
      if (!tag?.isTag && !tag?.isClaimed) this.#added++
      if (isNews(claim, tag)) this.news.push(claim)
    }
  }

  get isEnough(): boolean {
    return this.#isComplete || (this.#overlaps && this.#isExplained)
  }

  get covers(): Reading['covers'] {
    if (this.isEnough) return 'ALL'
    return this.#overlaps ? 'CHANGES' : 'PART'
  }

  /** Throws OddListingError for a listing that lost most tags: a registry that loses them is asked itself. */
  refuseOdd(known: number): void {
    const { vendor } = this.#listing
    if (known > 0 && this.#seen.size === 0)
      throw new OddListingError(vendor, `it is empty, and ${known} tags are known`)
    const told = this.#isComplete ? this.#seen.size : (this.total ?? known)
    if (told < known / 2) {
      throw new OddListingError(vendor, `it tells of ${told} tags, and ${known} are known`)
    }
  }

  /** Whether there are as many tags as there were and as came in. */
  get #isExplained(): boolean {
    if (this.#totalBefore === null || this.total === null) return true
    return this.total === this.#totalBefore + this.#added
  }
}
