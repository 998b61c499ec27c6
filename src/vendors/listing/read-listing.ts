import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { isReferrersTag, isTagName, type TagName } from '../../oci/tag.ts'
import type { ReportedMove, TagClaim, VendorPage } from '../../oci/vendor-listing.ts'
import type { VendorLimits } from './budget.ts'
import { OddShapeError, TooLongError, vendorListingError } from './errors.ts'
import type { RawMove, RawPage, RawTag, Vendor } from './vendor.ts'
import type { VendorClient } from './vendor-client.ts'

/** Consecutive pages without new tags after which a listing is considered endless. */
const MAX_PAGES_WITHOUT_NEWS = 5
/** Claims of one part of a page; between two parts other work runs. */
const PART = 1000

/**
 * Reads and validates the pages of a listing. `warn` receives a warning about one that was read to its end. Throws
 * VendorListingError, or the signal's reason once it is aborted.
 */
export async function* readListing(
  vendor: Vendor,
  client: VendorClient,
  warn: (message: string) => void,
): AsyncGenerator<VendorPage> {
  const collector = new ClaimCollector(client.limits)
  let withoutNews = 0
  try {
    client.signal.throwIfAborted()
    for await (const page of vendor.pages(client)) {
      // pages are counted by this client: an empty one that is not the last could go on forever
      if (page.entries === 0 && !page.isComplete) {
        throw new OddShapeError('a page is empty and is not the last')
      }
      const before = collector.size
      yield* partsOf(page, collector)
      withoutNews = page.tags.length > 0 && collector.size === before ? withoutNews + 1 : 0
      if (withoutNews >= MAX_PAGES_WITHOUT_NEWS) {
        throw new OddShapeError('it leads back to pages that were read already')
      }
      if (page.isComplete) break
    }
  } catch (error) {
    client.signal.throwIfAborted()
    throw vendorListingError(vendor.title, client.repository, error)
  }
  if (collector.invalid > 0) warn(`the vendor's listing has ${collector.invalid} invalid tag names`)
}

async function* partsOf(page: RawPage, collector: ClaimCollector): AsyncGenerator<VendorPage> {
  const { tags, total = null } = page
  for (let at = 0; at === 0 || at < tags.length; at += PART) {
    if (at > 0) await yieldToEventLoop()
    const claims = collector.add(tags.slice(at, at + PART))
    const moves = at === 0 ? collector.addMoves(page.moves ?? []) : []
    // an empty listing is never complete: Docker Hub sent one for a full repository, and a query may be wrong
    const isComplete = page.isComplete && at + PART >= tags.length && collector.size > 0
    yield { claims, total, moves, isComplete }
  }
}

/** Validates the tags of one listing: keeps valid names, each once, and no referrers tags. */
class ClaimCollector {
  readonly #limits: VendorLimits
  readonly #seen = new Set<TagName>()
  #moves = 0
  /** Number of tags with invalid names, which are left out. */
  invalid = 0

  constructor(limits: VendorLimits) {
    this.#limits = limits
  }

  /** Number of valid tag names, including referrers tags. */
  get size(): number {
    return this.#seen.size
  }

  /** Returns the new claims. The first claim of a tag counts: in a listing that grows while it is read, it is the newer one. */
  add(tags: readonly RawTag[]): TagClaim[] {
    const claims: TagClaim[] = []
    for (const { tag, digest, changedAt } of tags) {
      if (!isTagName(tag)) this.invalid += 1
      else if (!this.#seen.has(tag)) {
        this.#seen.add(tag)
        if (this.#seen.size > this.#limits.tags) throw this.#tooMany('tags')
        if (!isReferrersTag(tag)) claims.push({ tag, digest: digestOf(digest), changedAt })
      }
    }
    return claims
  }

  /** Returns the valid moves. */
  addMoves(moves: readonly RawMove[]): ReportedMove[] {
    this.#moves += moves.length
    if (this.#moves > this.#limits.tags) throw this.#tooMany('moves of tags')
    return moves.flatMap((move) => {
      const { tag, from, until } = move
      const digest = digestOf(move.digest)
      if (!isTagName(tag) || isReferrersTag(tag) || !digest) return []
      if (from === null || (until !== null && until < from)) return []
      return [{ tag, digest, from, until }]
    })
  }

  #tooMany(items: string): TooLongError {
    return new TooLongError(`it has more than ${this.#limits.tags} ${items}`)
  }
}

const digestOf = (value: unknown): Digest | null => (isDigest(value) ? value : null)
