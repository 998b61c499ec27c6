import type { Clock } from '../../concurrency/clock.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Session } from '../session/session.ts'
import type { RemoteLimits } from '../traffic/limits.ts'
import { type ListAddress, Pages, pageLimitOf } from './listing-pages.ts'

/** What came of a list at once. */
export interface ListedPage<Name extends string> {
  readonly names: readonly Name[]
  /** Where the list goes on behind this page, for a later reading of it; null within a page, and at the end. */
  readonly next: string | null
  /** Set where the registry led back to where it had been: there may be more than it told. */
  readonly isPartial?: true
}

export interface ListingOptions {
  /** The `next` of a page: begins behind it, and not at the start. */
  readonly from?: string | undefined
  readonly clock: Clock
  readonly limits: RemoteLimits
  /** Told once, at the end, what is wrong with a listing that was read nevertheless. */
  readonly warn: (message: string) => void
}

/** Which list is read, and what counts as an entry of it. */
export interface Listing<Name extends string> extends ListAddress {
  /** `tag`: one entry, in the words of a warning. */
  readonly entry: string
  /** The entry's name, or undefined when it is none. */
  readonly nameOf: (entry: unknown) => Name | undefined
  /** Whether a name is counted and not handed over. */
  readonly isHidden?: (name: Name) => boolean
}

/** Names handed over at a time; between two such pieces other work gets its turn. */
const PIECE = 1000
/** Pages in a row that bring nothing new before a listing counts as going in circles. */
const BARREN_PAGES = 10

/**
 * The names of a list, page by page, each once; what is no name is left out and counted. Ends normally only when the
 * registry has no more to tell, or (with a warning, and `isPartial`) leads back to where it began; throws RegistryError
 * when the list is longer than the limits allow, after what came before.
 */
export async function* listNames<Name extends string>(
  session: Session,
  listing: Listing<Name>,
  { clock, limits, warn, from }: ListingOptions,
): AsyncGenerator<ListedPage<Name>> {
  const pages = new Pages(session, listing)
  const deadline = clock.now() + limits.listingTime
  const names = new Names(listing)
  const asked = new Set<string>()
  let barren = 0
  let linked = false
  let pageSize = sizeOf(from) ?? limits.pageSize
  let query: string | undefined = from ?? `n=${pageSize}`

  for (let count = 1; query !== undefined; count += 1) {
    if (count > limits.pages) throw pages.tooLong(`more than ${limits.pages} pages`)
    if (clock.now() > deadline) throw pages.tooLong('more time than there is for it')
    asked.add(query)
    const answer = await pages.ask(query, limits.pageBytes)
    const smaller = count === 1 && from === undefined ? pageLimitOf(answer, pageSize) : undefined
    if (smaller !== undefined) {
      pageSize = smaller
      query = `n=${pageSize}`
      continue
    }
    const entries = await pages.entriesOf(answer)
    const next = pages.nextOf(answer, { entries, pageSize, query, linked })
    linked ||= next.linked
    const before = names.size
    for (let at = 0; at < entries.length; at += PIECE) {
      if (at > 0) await yieldToEventLoop()
      const fresh = names.admit(entries.slice(at, at + PIECE))
      if (names.size > limits.tags) throw pages.tooLong(`more than ${limits.tags} ${listing.field}`)
      const isPageEnd = at + PIECE >= entries.length
      if (fresh.length > 0) yield { names: fresh, next: (isPageEnd && next.query) || null }
    }

    barren = names.size === before ? barren + 1 : 0
    // without Link a page is only asked for to see whether there is one
    if (next.probing && barren > 0) break
    query = next.query
    if (query !== undefined && (asked.has(query) || barren >= BARREN_PAGES)) {
      warn(`its list of ${listing.field} leads back to pages that were read already`)
      yield { names: [], next: null, isPartial: true }
      break
    }
  }
  if (names.illegal > 0) {
    warn(`its list of ${listing.field} has ${names.illegal} entries that are no ${listing.entry} names`)
  }
}

/** Entries that a page was asked to have at most. */
function sizeOf(query: string | undefined): number | undefined {
  const size = Number(new URLSearchParams(query).get('n'))
  return Number.isSafeInteger(size) && size > 0 ? size : undefined
}

/** The names of one listing so far. */
class Names<Name extends string> {
  readonly #listing: Listing<Name>
  readonly #seen = new Set<Name>()
  illegal = 0

  constructor(listing: Listing<Name>) {
    this.#listing = listing
  }

  get size(): number {
    return this.#seen.size
  }

  /** The names among these entries that are new and not hidden. */
  admit(entries: readonly unknown[]): readonly Name[] {
    const { nameOf, isHidden } = this.#listing
    const fresh: Name[] = []
    for (const entry of entries) {
      const name = nameOf(entry)
      if (name === undefined) this.illegal += 1
      else if (!this.#seen.has(name)) {
        this.#seen.add(name)
        if (!isHidden?.(name)) fresh.push(name)
      }
    }
    return fresh
  }
}
