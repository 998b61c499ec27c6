import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { VendorPage } from '../../oci/vendor-listing.ts'
import { ClaimCollector } from './collect-claims.ts'
import { OddShapeError, vendorListingError } from './errors.ts'
import type { RawPage, Vendor } from './vendor.ts'
import type { VendorClient } from './vendor-client.ts'

/** Consecutive pages without new tags after which a listing is considered endless. */
const MAX_PAGES_WITHOUT_NEWS = 5
/** Claims of one part of a page; between two parts other work runs. */
const PART = 1000

export interface ReadOptions {
  readonly vendor: Vendor
  readonly client: VendorClient
  /** Receives a warning about a listing that was read to its end. */
  readonly warn: (message: string) => void
}

/** Reads and validates the pages of a listing. Throws VendorListingError, or the signal's reason once it is aborted. */
export async function* readListing({ vendor, client, warn }: ReadOptions): AsyncGenerator<VendorPage> {
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
  const { tags, total } = page
  for (let at = 0; at === 0 || at < tags.length; at += PART) {
    if (at > 0) await yieldToEventLoop()
    const claims = collector.add(tags.slice(at, at + PART))
    const moves = at === 0 ? collector.addMoves(page.moves ?? []) : []
    // an empty listing is never complete: Docker Hub sent one for a full repository, and a query may be wrong
    const isComplete = page.isComplete && at + PART >= tags.length && collector.size > 0
    yield { claims, total, moves, isComplete }
  }
}
