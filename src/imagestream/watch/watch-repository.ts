import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagClaim, VendorListing } from '../../oci/vendor-listing.ts'
import { isVendorListingFailure } from '../image/remote-registry.ts'
import type { ImportRequest, Listing } from '../request/import-plan.ts'
import type { Failure } from '../request/import-rows.ts'
import type { RegistryAnswers, TagListing } from '../request/registry-answers.ts'
import type { ImageStream } from '../spec/spec.ts'
import { noteAbsent } from './absent-tag.ts'
import { createKnownTags, type KnownTags } from './known-tags.ts'
import { type Look, limited, lookAtSuspects, NOTHING_SEEN, type Suspicion } from './look.ts'
import { type Reading, readListing, readMarks } from './read-listing.ts'
import type { ReportedMoves } from './reported-moves.ts'
import { createSavedPages } from './saved-pages.ts'
import { isSetAside, NOTHING_WRONG, notWatchedYet, setAside } from './set-aside.ts'
import { createTagClaims } from './tag-claims.ts'
import type { RepositoryWatchRow, WatchRows } from './watch-rows.ts'

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
  /** Of what it claims, that about which the registry was asked. */
  #asked: readonly TagClaim[] = []
  /** Tags that were missing, and that a list of the registry's own has again. */
  #back: readonly TagName[] = []

  constructor(stores: WatchStores, watched: Watched, listing: Pick<Listing, 'reference'>) {
    const { db, watches } = stores
    const { stream } = watched
    this.#stores = stores
    this.#watched = watched
    this.#known = createKnownTags(db, { streamId: stream.id, repository: listing.reference })
    this.#claims = createTagClaims(db, stream.id)
    const row = watches.ofStreams([stream.id]).get(stream.id) ?? notWatchedYet(stream)
    // who asks for all of it anew may have put right what was wrong with the listing
    this.#row = watched.request.fullSweep ? { ...row, ...NOTHING_WRONG } : row
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
    this.#asked = askedOf(reading?.news ?? [], look)
    // only now: what the listing said counts as known when the registry can be asked about it
    this.#reading = reading
    this.#row = {
      ...this.#row,
      checkedAt: at,
      // without a reading the old marks will do: what has come since is before them
      ...(reading ? { marks: reading.marks, total: reading.total } : { total: null }),
      ...(covers === 'PART'
        ? // what was asked for once in another way is to be asked for again as the spec says
          { checkedBy: 'FULL_SWEEP' as const, sweptAt: this.#isOverridden ? null : at }
        : { checkedBy: 'LISTING' as const }),
    }
    return look
  }

  /** What is to be said of a tag that is not listed any more, and could not be read. */
  absent(tx: Transaction, tag: TagName, failure: Failure): Failure {
    const { db, now } = this.#stores
    const { id: streamId, dockerImageRepository } = this.#watched.stream
    return noteAbsent(db, tx, {
      streamId,
      tag,
      repository: dockerImageRepository ?? '',
      failure,
      now: now(),
    })
  }

  /** In the transaction that ends the import; one that did not come to every tag has checked nothing. */
  finish(tx: Transaction, isWhole: boolean): void {
    const { watches, moves } = this.#stores
    const { stream, importId } = this.#watched
    // a tag was removed meanwhile: what the listing says of it is news again
    const isToBeReadAnew = this.#hadMarks && watches.ofStreams([stream.id]).get(stream.id)?.marks === null
    const row = isWhole ? this.#row : this.#unchecked
    if (!watches.save(tx, isToBeReadAnew ? { ...row, marks: null } : row) || !isWhole) return
    if (this.#back.length > 0) watches.forgetMissing(tx, stream.id, this.#back)
    if (!this.#reading) return
    this.#claims.settle(tx, importId, this.#asked)
    moves.store(tx, stream.id, this.#row.vendor ?? '', this.#reading.moves)
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

  /** What the vendor's listing says, where there is one that can be relied on; only where it goes on from, before a sweep. */
  async #read(asking: Asking, isDue: boolean): Promise<Reading | null> {
    const { fullSweepMs, now, onInternalError } = this.#stores
    if (fullSweepMs === 0 || isSetAside(this.#row, now())) return null
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
      if (!isVendorListingFailure(error)) onInternalError(error, this.#watched.importId)
      this.#row = setAside(this.#row, error, now())
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

  async #decide(
    asking: Asking,
    { reading, covers }: { reading: Reading | null; covers: Reading['covers'] },
  ): Promise<Look> {
    const { maximumTags, now } = this.#stores
    const { listing } = asking
    const among = (news: Reading['news'], listed: Suspicion['listed']): Look =>
      lookAtSuspects(listing, this.#known, {
        suspects: [...news.map(({ tag }) => tag), ...this.#claims.unsettled(now())],
        listed,
        done: this.#watched.alreadyImported,
      })
    if (reading && covers === 'ALL' && maximumTags === null) return among(reading.news, null)
    const { names, isWhole } = await this.#list(asking)
    const listed = {
      ...limited(listing, names, maximumTags),
      unlisted: isWhole ? this.#unlisted(listing, names) : [],
    }
    if (reading && covers !== 'PART') return among(reading.news, listed)
    return { ...NOTHING_SEEN, ...listed }
  }

  /** The tags that a whole list lacks; those that are gone already are left alone. */
  #unlisted(listing: Listing, names: readonly TagName[]): TagName[] {
    const { alreadyImported, stream } = this.#watched
    const known = this.#known.names()
    const missing = this.#stores.watches.missing(stream.id)
    if (known.length + missing.length === 0) return []
    const listed = new Set(names)
    this.#back = missing.filter((name) => listed.has(name))
    return listing.wantedOf(known.filter((name) => !listed.has(name) && !alreadyImported.has(name)))
  }
}

/** The claims of tags that are asked for. */
function askedOf(news: readonly TagClaim[], { wanted }: Look): readonly TagClaim[] {
  if (news.length === 0) return news
  const asked = new Set(wanted)
  return news.filter(({ tag }) => asked.has(tag))
}

interface Asking {
  readonly listing: Listing
  readonly answers: RegistryAnswers
  readonly signal: AbortSignal
}
