import type { Transaction } from '../../db/transact.ts'
import type { TagClaim } from '../../oci/vendor-listing.ts'
import type { ImportRequest, RepositoryImport } from '../request/import-plan.ts'
import type { ImageStream } from '../spec/spec.ts'
import { createKnownTags, type KnownTags } from './known-tags.ts'
import { NO_FAILURE, newWatch } from './listing-quarantine.ts'
import type { ListingReading } from './read-listing.ts'
import type {
  CheckedImport,
  RepositoryCheck,
  RepositoryCheckDependencies,
  RepositoryToCheck,
} from './repository-check.ts'
import { createTagClaims, type TagClaims } from './tag-claims.ts'
import { TagListCheck } from './tag-list-check.ts'
import { NO_TAGS, selectChangedTags, type TagChanges, type TagSelection } from './tag-selection.ts'
import { VendorCheck } from './vendor-check.ts'
import type { RepositoryWatchRow } from './watch-rows.ts'

/** Checks the repository of a stream by its vendor's listing, or by a full scan that requests every tag. */
export class WatchedRepository implements RepositoryCheck {
  readonly #dependencies: RepositoryCheckDependencies
  readonly #import: CheckedImport
  readonly #known: KnownTags
  readonly #claims: TagClaims
  readonly #tagList: TagListCheck
  readonly #vendor: VendorCheck
  readonly #hadMarks: boolean
  /** State to store if the import does not handle every tag. */
  #rowBefore: RepositoryWatchRow
  #reading: ListingReading | null = null
  /** Claims about tags that are requested. */
  #requestedClaims: readonly TagClaim[] = []

  constructor(
    dependencies: RepositoryCheckDependencies,
    checkedImport: CheckedImport,
    { reference }: Pick<RepositoryImport, 'reference'>,
  ) {
    const { db, watches, now, onInternalError } = dependencies
    const { stream, request, importId } = checkedImport
    this.#dependencies = dependencies
    this.#import = checkedImport
    this.#known = createKnownTags(db, stream.id, reference)
    this.#claims = createTagClaims(db, stream.id)
    this.#tagList = new TagListCheck(dependencies, checkedImport, this.#known)
    const row = watches.ofStreams([stream.id]).get(stream.id) ?? newWatch(stream)
    this.#hadMarks = row.marks !== null
    // the user who requests a full scan may have repaired the listing
    this.#rowBefore = request.fullSweep ? { ...row, ...NO_FAILURE } : row
    this.#vendor = new VendorCheck(this.#rowBefore, {
      known: this.#known,
      readTagList: (subject) => this.#tagList.read(subject),
      now,
      onInternalError: (error) => onInternalError(error, importId),
    })
  }

  async select(subject: RepositoryToCheck): Promise<TagSelection> {
    const { fullSweepMs, now } = this.#dependencies
    const { stream, request } = this.#import
    const { sweptAt } = this.#vendor.row
    const isFullScan = isFullScanDue(this.#import, { sweptAt, fullSweepMs, now: now() })
    // order: tag list, listing, tags. A change after the listing was read is in the next reading.
    if (isFullScan) await this.#tagList.read(subject)
    const reading = fullSweepMs === 0 ? null : await this.#vendor.read(subject, isFullScan)
    const covers = isFullScan || reading === null ? 'PART' : reading.covers
    const selection = await this.#select(subject, { reading, covers })
    const at = now()
    this.#rowBefore = this.#vendor.row
    this.#requestedClaims = claimsOf(reading?.changes ?? [], selection)
    // after the tag list was read: a failure above must not store the reading
    this.#reading = reading
    this.#vendor.row = {
      ...this.#vendor.row,
      checkedAt: at,
      // without a reading the old fingerprints stay: later changes come before them
      ...(reading ? { marks: reading.fingerprints, total: reading.total } : { total: null }),
      ...(covers === 'PART'
        ? // a scan with other options than the spec's does not count: the next import scans again
          { checkedBy: 'FULL_SWEEP' as const, sweptAt: isOverridden(stream, request) ? null : at }
        : { checkedBy: 'LISTING' as const }),
    }
    return selection
  }

  finish(tx: Transaction, isComplete: boolean): void {
    const { watches, moves } = this.#dependencies
    const { stream, importId } = this.#import
    // a tag was deleted meanwhile, which reset the fingerprints: the next reading must read all pages
    const wasReset = this.#hadMarks && watches.ofStreams([stream.id]).get(stream.id)?.marks === null
    const row = isComplete ? this.#vendor.row : this.#rowBefore
    if (!watches.save(tx, wasReset ? { ...row, marks: null } : row) || !isComplete) return
    const { listedAgain } = this.#tagList
    if (listedAgain.length > 0) watches.clearMissing(tx, stream.id, listedAgain)
    if (!this.#reading) return
    this.#claims.settle(tx, importId, this.#requestedClaims)
    moves.store(tx, stream.id, row.vendor ?? '', this.#reading.moves)
    if (row.checkedBy === 'FULL_SWEEP') this.#claims.deleteUnknownTags(tx)
  }

  async #select(
    subject: RepositoryToCheck,
    { reading, covers }: { reading: ListingReading | null; covers: ListingReading['covers'] },
  ): Promise<TagSelection> {
    const selectChanged = ({ changes }: ListingReading, listed: TagChanges['listed']): TagSelection => {
      const unsettled = this.#claims.unsettled(this.#dependencies.now())
      const changed = [...changes.map(({ tag }) => tag), ...unsettled]
      const done = this.#import.alreadyImported
      return selectChangedTags(subject.repository, this.#known, { changed, listed, done })
    }
    const isLimited = this.#dependencies.maximumTags !== null
    if (reading && covers === 'ALL' && !isLimited) return selectChanged(reading, null)
    const listed = await this.#tagList.select(subject)
    return reading && covers !== 'PART' ? selectChanged(reading, listed) : { ...NO_TAGS, ...listed }
  }
}

/** Returns the claims about tags that are requested. */
function claimsOf(changes: readonly TagClaim[], { wanted }: TagSelection): readonly TagClaim[] {
  if (changes.length === 0) return changes
  const requested = new Set(wanted)
  return changes.filter(({ tag }) => requested.has(tag))
}

/** Reports whether the request replaces options of the spec. */
function isOverridden(stream: ImageStream, request: ImportRequest): boolean {
  const { insecure = Boolean(stream.insecure), importMode = stream.importMode } = request
  return insecure !== Boolean(stream.insecure) || importMode !== stream.importMode
}

/** Reports whether a full scan is due, which requests every tag. `sweptAt`: the last one, null without one. */
function isFullScanDue(
  { stream, request }: { readonly stream: ImageStream; readonly request: ImportRequest },
  { sweptAt, fullSweepMs, now }: { readonly sweptAt: number | null; fullSweepMs: number; now: number },
): boolean {
  if (sweptAt === null || isOverridden(stream, request) || request.fullSweep) return true
  // a time in the future was written before the clock was set back
  return now >= sweptAt + fullSweepMs || now < sweptAt
}
