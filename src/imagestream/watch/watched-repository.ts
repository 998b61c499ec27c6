import type { Transaction } from '../../db/transact.ts'
import type { TagClaim } from '../../oci/vendor-listing.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { RepositoryImport } from '../stored-import/import-plan.ts'
import { createKnownTags, type KnownTags } from './known-tags.ts'
import type { ListingReading } from './read-changes.ts'
import type {
  CheckedImport,
  RepositoryCheck,
  RepositoryCheckDependencies,
  RepositoryToCheck,
} from './repository-check.ts'
import type { RepositoryWatchRow } from './repository-watches.ts'
import { createTagClaims, type TagClaims } from './tag-claims.ts'
import { TagListCheck } from './tag-list-check.ts'
import { NO_TAGS, selectChangedTags, type TagChanges, type TagSelection } from './tag-selection.ts'
import { checkVendor, NO_FAILURE } from './vendor-check.ts'

/** Checks the repository of a stream by its vendor's listing, or by a full scan that requests every tag. */
export class WatchedRepository implements RepositoryCheck {
  readonly #dependencies: RepositoryCheckDependencies
  readonly #import: CheckedImport
  readonly #known: KnownTags
  readonly #claims: TagClaims
  readonly #tagList: TagListCheck
  readonly #hadMarks: boolean
  #row: RepositoryWatchRow
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
    const { stream, request } = checkedImport
    this.#dependencies = dependencies
    this.#import = checkedImport
    this.#known = createKnownTags(dependencies.db, stream.id, reference)
    this.#claims = createTagClaims(dependencies.db, stream.id)
    this.#tagList = new TagListCheck(dependencies, checkedImport, this.#known)
    const row = dependencies.watches.ofStreams([stream.id]).get(stream.id) ?? newWatch(stream)
    this.#hadMarks = row.marks !== null
    // the user who requests a full scan may have repaired the listing
    this.#row = request.fullScan ? { ...row, ...NO_FAILURE } : row
    this.#rowBefore = this.#row
  }

  async select(subject: RepositoryToCheck): Promise<TagSelection> {
    const { fullScanMs, now } = this.#dependencies
    const isFullScan = isFullScanDue(this.#import, this.#row.fullScanAt, { fullScanMs, now: now() })
    // order: tag list, listing, tags. A change after the listing was read is in the next reading.
    if (isFullScan) await this.#tagList.read(subject)
    const reading = fullScanMs === 0 ? null : await this.#readVendor(subject, isFullScan)
    const covers = isFullScan || reading === null ? 'PART' : reading.covers
    const selection = await this.#select(subject, reading, covers)
    this.#rowBefore = this.#row
    this.#requestedClaims = claimsOf(reading?.changes ?? [], selection)
    // after the tag list was read: a failure above must not store the reading
    this.#reading = reading
    this.#row = checkedWatch(this.#row, this.#import, { covers, reading, at: now() })
    return selection
  }

  finish(tx: Transaction, isComplete: boolean): void {
    const { watches, moves } = this.#dependencies
    const { stream, importId } = this.#import
    // a tag was deleted meanwhile, which reset the fingerprints: the next reading must read all pages
    const wasReset = this.#hadMarks && watches.ofStreams([stream.id]).get(stream.id)?.marks === null
    const row = isComplete ? this.#row : this.#rowBefore
    if (!watches.save(tx, wasReset ? { ...row, marks: null } : row)) return
    // also where the import did not handle every tag: a later absence is the first one again
    watches.clearMissing(tx, stream.id, this.#tagList.listedAgain)
    if (!isComplete || !this.#reading) return
    this.#claims.settle(tx, importId, this.#requestedClaims)
    moves.store(tx, stream.id, row.vendor ?? '', this.#reading.moves)
    if (row.checkedBy === 'FULL_SWEEP') this.#claims.deleteUnknownTags(tx)
  }

  async #readVendor(subject: RepositoryToCheck, isFullScan: boolean): Promise<ListingReading | null> {
    const { row, reading } = await checkVendor(this.#row, subject, {
      ...this.#dependencies,
      importId: this.#import.importId,
      known: this.#known,
      readTagList: () => this.#tagList.read(subject),
      isFullScan,
    })
    this.#row = row
    return reading
  }

  async #select(
    subject: RepositoryToCheck,
    reading: ListingReading | null,
    covers: ListingReading['covers'],
  ): Promise<TagSelection> {
    const { maximumTags, now } = this.#dependencies
    const selectChanged = ({ changes }: ListingReading, listed: TagChanges['listed']): TagSelection => {
      const changed = [...changes.map(({ tag }) => tag), ...this.#claims.unsettled(now())]
      const done = this.#import.alreadyImported
      return selectChangedTags(subject.repository, this.#known, { changed, listed, done })
    }
    if (reading && covers === 'ALL' && maximumTags === null) return selectChanged(reading, null)
    const listed = await this.#tagList.select(subject)
    return reading && covers !== 'PART' ? selectChanged(reading, listed) : { ...NO_TAGS, ...listed }
  }
}

/** Returns the row of a repository that was not checked yet. */
const newWatch = ({ id, repositoryGeneration }: ImageStream): RepositoryWatchRow => ({
  streamId: id,
  generation: repositoryGeneration,
  vendor: null,
  checkedAt: null,
  checkedBy: null,
  fullScanAt: null,
  total: null,
  marks: null,
  ...NO_FAILURE,
})

interface FinishedCheck {
  readonly covers: ListingReading['covers']
  /** Null without a usable listing. */
  readonly reading: ListingReading | null
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Returns the row of a repository after a check whose import handles every selected tag. */
const checkedWatch = (
  row: RepositoryWatchRow,
  checkedImport: CheckedImport,
  { covers, reading, at }: FinishedCheck,
): RepositoryWatchRow => ({
  ...row,
  checkedAt: at,
  // without a reading the old fingerprints stay: later changes come before them
  ...(reading ? { marks: reading.fingerprints, total: reading.total } : { total: null }),
  ...(covers === 'PART'
    ? // a scan with other options than the spec's does not count: the next import scans again
      { checkedBy: 'FULL_SWEEP', fullScanAt: isOverridden(checkedImport) ? null : at }
    : { checkedBy: 'LISTING' }),
})

/** Returns the claims about tags that are requested. */
function claimsOf(changes: readonly TagClaim[], { wanted }: TagSelection): readonly TagClaim[] {
  if (changes.length === 0) return changes
  const requested = new Set(wanted)
  return changes.filter(({ tag }) => requested.has(tag))
}

/** Reports whether the request replaces options of the spec. */
function isOverridden({ stream, request }: CheckedImport): boolean {
  const { insecure = Boolean(stream.insecure), importMode = stream.importMode } = request
  return insecure !== Boolean(stream.insecure) || importMode !== stream.importMode
}

/** Reports whether a full scan is due, which requests every tag. `lastAt`: the last one, null without one. */
function isFullScanDue(
  checkedImport: CheckedImport,
  lastAt: number | null,
  { fullScanMs, now }: { readonly fullScanMs: number; readonly now: number },
): boolean {
  if (lastAt === null || isOverridden(checkedImport) || checkedImport.request.fullScan) return true
  // a time in the future was written before the clock was set back
  return now >= lastAt + fullScanMs || now < lastAt
}
