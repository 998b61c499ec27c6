import { RegistryError } from '../../oci/registry-error.ts'
import type { VendorListing } from '../../oci/vendor-listing.ts'
import { isVendorListingFailure } from '../image/remote-registry.ts'
import type { TagList } from '../request/registry-reader.ts'
import type { KnownTags } from './known-tags.ts'
import { isQuarantined, NO_FAILURE, quarantine } from './listing-quarantine.ts'
import { type ListingReading, readListing, readNewestPage } from './read-listing.ts'
import type { RepositoryToCheck } from './repository-check.ts'
import type { RepositoryWatchRow } from './watch-rows.ts'

export interface VendorCheckDependencies {
  readonly known: KnownTags
  readonly readTagList: (subject: RepositoryToCheck) => Promise<TagList>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onInternalError: (error: unknown) => void
}

/** Reads the listing of a repository's vendor. A listing that fails is put in quarantine. */
export class VendorCheck {
  readonly #dependencies: VendorCheckDependencies
  /** State of the repository's checks; the reading updates the vendor, and whether its listing can be used. */
  row: RepositoryWatchRow

  constructor(row: RepositoryWatchRow, dependencies: VendorCheckDependencies) {
    this.#dependencies = dependencies
    this.row = row
  }

  /**
   * Returns null without a usable listing. Before a full scan only the newest page is read. Throws RegistryError, or the
   * signal's reason once it is aborted.
   */
  async read(subject: RepositoryToCheck, isFullScan: boolean): Promise<ListingReading | null> {
    const { known, now, onInternalError } = this.#dependencies
    if (isQuarantined(this.row, now())) return null
    try {
      const listing = await this.#open(subject)
      this.row = { ...this.row, vendor: listing?.vendor ?? null }
      if (!listing) {
        this.row = { ...this.row, ...NO_FAILURE }
        return null
      }
      const reading = await (isFullScan
        ? readNewestPage(listing, known)
        : readListing(listing, { before: this.row, known }))
      if (reading) this.row = { ...this.row, ...NO_FAILURE }
      return reading
    } catch (error) {
      subject.signal.throwIfAborted()
      // a response of the registry itself
      if (error instanceof RegistryError) throw error
      if (!isVendorListingFailure(error)) onInternalError(error)
      this.row = quarantine(this.row, error, now())
      return null
    }
  }

  async #open(subject: RepositoryToCheck): Promise<VendorListing | null> {
    const repository = subject.reader.repository(subject.repository)
    if (!repository.vendorListing) return null
    const listing = await repository.vendorListing()
    if (listing) return listing
    // some vendors are recognized by responses of the registry: repeat after a request
    await this.#dependencies.readTagList(subject)
    return repository.vendorListing()
  }
}
