import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import type { ImportRequest, Listing } from './import-plan.ts'
import type { Failure } from './import-rows.ts'
import { createKnownTags, type FailingTag, type KnownTags } from './known-tags.ts'
import { type Reading, readListing, readMarks } from './read-listing.ts'
import type { RegistryAnswers, TagListing } from './registry-answers.ts'
import { isVendorListingFailure, type VendorListing } from './remote-registry.ts'
import type { ReportedMoves } from './reported-moves.ts'
import { createSavedPages } from './saved-pages.ts'
import type { ImageStream } from './spec.ts'
import { createTagClaims } from './tag-claims.ts'
import type { RepositoryWatchRow, WatchRows } from './watch-rows.ts'

/** What an import is to do about the tags of the stream's repository. */
export interface Look {
  /** To be asked for, in order of importance. */
  readonly wanted: readonly TagName[]
  /** To be asked for although the registry does not list them any more. */
  readonly unlisted: readonly TagName[]
  /** Left out by the limit of tags. */
  readonly additionalTags: readonly TagName[]
  /** Newest events of the tags that cannot have changed. */
  readonly unchangedEvents: readonly number[]
  /** Tags that were not readable and cannot have changed. */
  readonly stillFailing: readonly FailingTag[]
}

export const NOTHING_SEEN: Look = {
  wanted: [],
  unlisted: [],
  additionalTags: [],
  unchangedEvents: [],
  stillFailing: [],
}

export interface WatchStores {
  readonly db: Database
  readonly watches: WatchRows
  readonly moves: ReportedMoves
  /** Milliseconds from one full sweep to the next; 0 asks no vendor for its listing. */
  readonly fullSweepMs: number
  /** Tags that one repository import takes at most; the rest become `additionalTags`. Null takes all. */
  readonly maximumTags: number | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of an error that is nobody's fault but ours. */
  readonly onInternalError: (error: unknown, importId: number) => void
}

export interface Watched {
  readonly importId: number
  readonly stream: ImageStream
  readonly request: ImportRequest
  /** Brought in by this import before the server was restarted. */
  readonly alreadyImported: ReadonlySet<TagName>
}

const HOUR = 60 * 60 * 1000
/** Milliseconds for which a vendor's listing is not asked for after it failed. */
export const SET_ASIDE_FOR = 24 * HOUR
/** The same where the vendor was only busy, or out of order. */
export const SET_ASIDE_BRIEFLY_FOR = HOUR
/** Milliseconds between two sweeps that are evidence apart: what is out of order for a moment is so for both. */
export const SWEEPS_APART = 60_000
const PASSING_REASONS: readonly string[] = ['TooManyRequests', 'Unavailable']

/** Failures that last while the registry and its listing say what they said. */
const LASTING_FAILURES: readonly Failure['reason'][] = ['NotFound', 'InvalidManifest']

/** How one import looks at the repository of its stream: by the vendor's listing where that will do, or tag by tag. */
export class RepositoryWatch {
  readonly #stores: WatchStores
  readonly #watched: Watched
  readonly #known: KnownTags
  readonly #claims: ReturnType<typeof createTagClaims>
  readonly #hadMarks: boolean
  #row: RepositoryWatchRow
  /** The same before the look counted. */
  #unchecked: RepositoryWatchRow
  #reading: Reading | null = null
  #asked: ReadonlySet<TagName> = new Set()
  /** A whole list of the registry's own. */
  #listed: ReadonlySet<TagName> | null = null

  constructor(stores: WatchStores, watched: Watched, listing: Pick<Listing, 'reference'>) {
    const { db, watches } = stores
    const { stream } = watched
    this.#stores = stores
    this.#watched = watched
    this.#known = createKnownTags(db, { streamId: stream.id, repository: listing.reference })
    this.#claims = createTagClaims(db, stream.id)
    this.#row = watches.ofStreams([stream.id]).get(stream.id) ?? emptyRow(stream)
    this.#unchecked = this.#row
    this.#hadMarks = this.#row.marks !== null
  }

  /** Throws RegistryError, or the signal's reason once it is aborted. */
  async look(listing: Listing, answers: RegistryAnswers, signal: AbortSignal): Promise<Look> {
    const asking = { listing, answers, signal }
    const isDue = this.#isSweepDue()
    // its marks are read behind the names and before the tags are asked for: what moves meanwhile comes before them
    if (isDue) await this.#list(asking)
    const reading = await this.#read(asking, isDue)
    const covers = isDue || reading === null ? 'PART' : reading.covers
    const look = await this.#decide(asking, { reading, covers })
    const at = this.#stores.now()
    this.#unchecked = this.#row
    this.#asked = new Set(look.wanted)
    // only now: what the listing said counts as known when the registry can be asked about it
    this.#reading = reading
    this.#row = {
      ...this.#row,
      checkedAt: at,
      marks: reading?.marks ?? null,
      total: reading?.total ?? null,
      ...(covers === 'PART'
        ? // what was asked for once in another way is to be asked for again as the spec says
          { checkedBy: 'FULL_SWEEP' as const, sweptAt: this.#isOverridden ? null : at }
        : { checkedBy: 'LISTING' as const }),
    }
    return look
  }

  /**
   * What is to be said of a tag that is not listed any more, and could not be read. It is gone when the registry says so,
   * or cannot say and has not listed it for two sweeps.
   */
  absent(_tx: Transaction, tag: TagName, failure: Failure): Failure {
    const { db, now } = this.#stores
    const { stream } = this.#watched
    const before = db
      .prepare<{ since: number | null }>(
        'select missing_since as since from tags where stream_id = ? and name = ?',
      )
      .get(stream.id, tag)?.since
    if (before == null) {
      db.prepare('update tags set missing_since = ? where stream_id = ? and name = ?').run(
        now(),
        stream.id,
        tag,
      )
    }
    const since = new Date(before ?? now()).toISOString()
    const gone = `${stream.dockerImageRepository}: the tag ${tag} is gone: not listed since ${since}`
    if (failure.reason === 'NotFound') {
      return { reason: 'NotFound', message: `${gone}, and asked for it the registry does not have it` }
    }
    if (before == null || now() < before + SWEEPS_APART) return failure
    return { reason: 'NotFound', message: `${gone}, in two whole lists; asked for it: ${failure.message}` }
  }

  /** In the transaction that ends the import; one that did not come to every tag has checked nothing. */
  finish(tx: Transaction, isWhole: boolean): void {
    const { watches, moves } = this.#stores
    const { stream, importId } = this.#watched
    // a tag was removed meanwhile: what the listing says of it is news again
    const isToBeReadAnew = this.#hadMarks && watches.ofStreams([stream.id]).get(stream.id)?.marks === null
    const row = isWhole ? this.#row : this.#unchecked
    if (!watches.save(tx, isToBeReadAnew ? { ...row, marks: null } : row) || !isWhole) return
    if (this.#listed) watches.forgetMissing(tx, stream.id, this.#listed)
    if (!this.#reading) return
    const { news, moves: told } = this.#reading
    const asked = news.filter(({ tag }) => this.#asked.has(tag))
    this.#claims.settle(tx, importId, asked)
    moves.store(tx, stream.id, this.#row.vendor ?? '', told)
    if (this.#row.checkedBy === 'FULL_SWEEP') this.#claims.forgetPhantoms(tx)
  }

  get #isOverridden(): boolean {
    const { stream, request } = this.#watched
    const { insecure = Boolean(stream.insecure), importMode = stream.importMode } = request
    return insecure !== Boolean(stream.insecure) || importMode !== stream.importMode
  }

  /** Whether every tag is to be asked for, whatever a listing says. */
  #isSweepDue(): boolean {
    const { fullSweepMs, now } = this.#stores
    const { sweptAt } = this.#row
    if (sweptAt === null || this.#isOverridden || this.#watched.request.fullSweep) return true
    // in the future: the clock was set back
    return now() >= sweptAt + fullSweepMs || now() < sweptAt
  }

  get #isSetAside(): boolean {
    const { setAsideUntil } = this.#row
    const at = this.#stores.now()
    return setAsideUntil !== null && at < setAsideUntil && at >= setAsideUntil - SET_ASIDE_FOR
  }

  /** What the vendor's listing says, where there is one that can be relied on; only where it goes on from, before a sweep. */
  async #read(asking: Asking, isDue: boolean): Promise<Reading | null> {
    if (this.#stores.fullSweepMs === 0 || this.#isSetAside) return null
    try {
      const vendor = await this.#open(asking)
      this.#row = { ...this.#row, vendor: vendor?.vendor ?? null }
      const reading = vendor && (await this.#readVendor(vendor, isDue))
      if (reading || !vendor) this.#row = { ...this.#row, ...NOTHING_WRONG }
      return reading
    } catch (error) {
      asking.signal.throwIfAborted()
      // the registry's own answer: no fault of a listing
      if (error instanceof RegistryError) throw error
      this.#setAside(error)
      return null
    }
  }

  async #open(asking: Asking): Promise<VendorListing | null> {
    const repository = asking.answers.repository(asking.listing)
    if (!repository.vendorListing) return null
    const listing = await repository.vendorListing()
    if (listing) return listing
    // some registries are recognised by what they answer: by now it has been asked something
    await this.#list(asking)
    return repository.vendorListing()
  }

  /** The registry's own list, which is read once. */
  #list({ listing, answers }: Asking): Promise<TagListing> {
    return answers.listTags(listing, createSavedPages(this.#stores, this.#watched.importId))
  }

  #readVendor(vendor: VendorListing, isDue: boolean): Promise<Reading | null> {
    return isDue
      ? readMarks(vendor, this.#known)
      : readListing(vendor, { before: this.#row, known: this.#known })
  }

  #setAside(error: unknown): void {
    const { now, onInternalError } = this.#stores
    const isFailure = isVendorListingFailure(error)
    if (!isFailure) onInternalError(error, this.#watched.importId)
    const at = now()
    this.#row = {
      ...this.#row,
      ...(isFailure && { vendor: error.vendor }),
      reason: isFailure ? error.reason : 'InternalError',
      message: isFailure ? error.message : "an internal error, which the server's log explains",
      failingSince: this.#row.failingSince ?? at,
      setAsideUntil:
        at + (isFailure && PASSING_REASONS.includes(error.reason) ? SET_ASIDE_BRIEFLY_FOR : SET_ASIDE_FOR),
    }
  }

  async #decide(
    asking: Asking,
    { reading, covers }: { reading: Reading | null; covers: Reading['covers'] },
  ): Promise<Look> {
    const { maximumTags } = this.#stores
    const { listing } = asking
    if (reading && covers === 'ALL' && maximumTags === null) {
      return this.#amongAll(listing, { reading, listed: null })
    }
    const { names, isWhole } = await this.#list(asking)
    const listed = limited(listing, names, maximumTags)
    const unlisted = isWhole ? this.#unlisted(listing, new Set(names)) : []
    if (reading && covers !== 'PART')
      return { ...this.#amongAll(listing, { reading, listed, unlisted }), unlisted }
    return { ...listed, unlisted, unchangedEvents: [], stillFailing: [] }
  }

  /** The tags that a whole list lacks; those that are gone already are left alone. */
  #unlisted(listing: Listing, names: ReadonlySet<TagName>): TagName[] {
    const { alreadyImported } = this.#watched
    this.#listed = names
    return listing.wantedOf(
      this.#known.names().filter((name) => !names.has(name) && !alreadyImported.has(name)),
    )
  }

  /** Asks for what may have changed; all else is as it was. `listed` is there where the registry's own list was read. */
  #amongAll(listing: Listing, { reading, listed, unlisted = [] }: Among): Look {
    const failing = this.#known.failing()
    const { alreadyImported } = this.#watched
    const suspects = new Set([
      ...reading.news.map(({ tag }) => tag),
      ...failing.filter(({ reason }) => !LASTING_FAILURES.includes(reason)).map(({ name }) => name),
      ...this.#claims.unsettled(this.#stores.now()),
      ...this.#known.overwritten(),
    ])
    let wanted: readonly TagName[]
    if (listed) {
      const known = new Set(this.#known.names())
      wanted = listed.wanted.filter((tag) => suspects.has(tag) || !known.has(tag))
    } else {
      wanted = listing.wantedOf([...suspects])
    }
    const additionalTags = listed?.additionalTags ?? []
    const others = new Set([...wanted, ...unlisted, ...additionalTags, ...alreadyImported])
    return {
      wanted,
      unlisted,
      additionalTags,
      unchangedEvents: this.#known.unchangedEvents([...others]),
      stillFailing: failing.filter(({ name }) => !others.has(name)),
    }
  }
}

interface Asking {
  readonly listing: Listing
  readonly answers: RegistryAnswers
  readonly signal: AbortSignal
}

interface Among {
  readonly reading: Reading
  readonly listed: Pick<Look, 'wanted' | 'additionalTags'> | null
  readonly unlisted?: readonly TagName[]
}

const NOTHING_WRONG = { setAsideUntil: null, reason: null, message: null, failingSince: null }

const emptyRow = ({ id, repositoryGeneration }: ImageStream): RepositoryWatchRow => ({
  streamId: id,
  generation: repositoryGeneration,
  vendor: null,
  checkedAt: null,
  checkedBy: null,
  sweptAt: null,
  total: null,
  marks: null,
  ...NOTHING_WRONG,
})

/** The listed tags that are the repository's to bring in, the most important ones where there is a limit. */
export function limited(
  listing: Listing,
  names: readonly TagName[],
  maximumTags: number | null,
): Pick<Look, 'wanted' | 'additionalTags'> {
  const wanted = listing.wantedOf(names)
  return { additionalTags: wanted.splice(maximumTags ?? wanted.length), wanted }
}
