import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { TagClaim, VendorPage } from '../../oci/vendor-listing.ts'
import { Claims } from './claims.ts'
import type { Desk } from './desk.ts'
import { OddShapeError, vendorListingError } from './errors.ts'
import type { ToldPage, Vendor } from './vendor.ts'

/** Pages in a row that tell only what was told before, after which a listing counts as going in circles. */
const BARREN_PAGES = 5
/** Claims handed over at a time; between two such pieces other work gets its turn. */
const PIECE = 1000

export interface ReadOptions {
  readonly vendor: Vendor
  readonly desk: Desk
  /** Told once, at the end, what is wrong with a listing that was read nevertheless. */
  readonly warn: (message: string) => void
}

/** The pages of a listing, as they arrive. Throws VendorListingError, or the signal's reason once it is aborted. */
export async function* readListing({ vendor, desk, warn }: ReadOptions): AsyncGenerator<VendorPage> {
  const claims = new Claims(desk.limits)
  let barren = 0
  try {
    desk.signal.throwIfAborted()
    for await (const told of vendor.pages(desk)) {
      // where pages are counted, one that brings nothing and promises more would go on for ever
      if (told.entries === 0 && !told.isComplete) {
        throw new OddShapeError('a page of it is empty and not the last')
      }
      const before = claims.size
      yield* piecesOf(told, claims)
      barren = told.tags.length > 0 && claims.size === before ? barren + 1 : 0
      if (barren >= BARREN_PAGES) throw new OddShapeError('it leads back to pages that were read already')
      if (told.isComplete) break
    }
  } catch (error) {
    desk.signal.throwIfAborted()
    throw vendorListingError(vendor.title, desk.repository, error)
  }
  if (claims.illegal > 0) {
    warn(`its listing has ${claims.illegal} entries that are no tag names`)
  }
}

async function* piecesOf(told: ToldPage, claims: Claims): AsyncGenerator<VendorPage> {
  const { tags, total } = told
  for (let at = 0; at === 0 || at < tags.length; at += PIECE) {
    if (at > 0) await yieldToEventLoop()
    const fresh: readonly TagClaim[] = claims.admit(tags.slice(at, at + PIECE))
    const moves = at === 0 ? claims.admitMoves(told.moves ?? []) : []
    // that there is nothing is no answer to rely on: Docker Hub said so of repositories that are full, and a query may
    // look in the wrong place
    const isComplete = told.isComplete && at + PIECE >= tags.length && claims.size > 0
    yield { claims: fresh, total, moves, isComplete }
  }
}
