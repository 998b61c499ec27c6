import { RegistryError } from '../../oci/registry-error.ts'
import type { VendorListing } from '../../oci/vendor-listing.ts'
import { isVendorListingFailure } from '../image/remote-registry.ts'
import type { KnownTags } from './known-tags.ts'
import { type ListingReading, readChanges, readNewestPage } from './read-changes.ts'
import type { CheckedImport, RepositoryCheckDependencies, RepositoryToCheck } from './repository-check.ts'
import type { RepositoryWatchRow } from './repository-watches.ts'

const HOUR = 60 * 60 * 1000
/** Milliseconds for which a vendor's listing is not read after a failure. */
const QUARANTINE = 24 * HOUR
/** Milliseconds for which it is not read after a rate limit. */
const RATE_LIMIT_PAUSE = HOUR

/** Columns of a repository whose listing works. */
export const NO_FAILURE = { setAsideUntil: null, reason: null, message: null, failingSince: null }

export interface VendorCheckOptions
  extends Pick<RepositoryCheckDependencies, 'now' | 'onInternalError'>,
    Pick<CheckedImport, 'importId'> {
  readonly known: KnownTags
  /** Reads the registry's own tag list. */
  readonly readTagList: () => Promise<unknown>
  /** Whether every tag is requested anyway: then only the newest page is read. */
  readonly isFullScan: boolean
}

/**
 * Reads the listing of the repository's vendor. Returns null without a usable listing, and the row with the vendor and
 * whether its listing can be used: one that fails is put in quarantine. Throws RegistryError, or the signal's reason once
 * it is aborted.
 */
export async function checkVendor(
  row: RepositoryWatchRow,
  subject: RepositoryToCheck,
  { importId, known, readTagList, isFullScan, now, onInternalError }: VendorCheckOptions,
): Promise<{ readonly row: RepositoryWatchRow; readonly reading: ListingReading | null }> {
  if (isQuarantined(row, now())) return { row, reading: null }
  let { vendor } = row
  try {
    const listing = await openListing(subject, readTagList)
    vendor = listing?.vendor ?? null
    if (!listing) return { row: { ...row, vendor, ...NO_FAILURE }, reading: null }
    const reading = await (isFullScan
      ? readNewestPage(listing, known)
      : readChanges(listing, { before: row, known }))
    return { row: { ...row, vendor, ...(reading && NO_FAILURE) }, reading }
  } catch (error) {
    subject.signal.throwIfAborted()
    // a response of the registry itself
    if (error instanceof RegistryError) throw error
    if (!isVendorListingFailure(error)) onInternalError(error, importId)
    return { row: quarantine({ ...row, vendor }, error, now()), reading: null }
  }
}

async function openListing(
  { reader, repository }: RepositoryToCheck,
  readTagList: () => Promise<unknown>,
): Promise<VendorListing | null> {
  const remote = reader.repository(repository)
  if (!remote.vendorListing) return null
  const listing = await remote.vendorListing()
  if (listing) return listing
  // some vendors are recognized by responses of the registry: repeat after a request
  await readTagList()
  return remote.vendorListing()
}

/** Reports whether the vendor's listing must not be read now. */
const isQuarantined = ({ setAsideUntil }: RepositoryWatchRow, now: number): boolean =>
  // a time too far in the future was written before the clock was set back
  setAsideUntil !== null && now < setAsideUntil && now >= setAsideUntil - QUARANTINE

/** Returns the row of a repository whose vendor's listing failed. The message hides internal errors. */
function quarantine(row: RepositoryWatchRow, error: unknown, now: number): RepositoryWatchRow {
  const failingSince = row.failingSince ?? now
  if (!isVendorListingFailure(error)) {
    const message = "internal error: see the server's log"
    return { ...row, reason: 'InternalError', message, failingSince, setAsideUntil: now + QUARANTINE }
  }
  const { vendor, reason, message } = error
  const time = reason === 'TooManyRequests' ? RATE_LIMIT_PAUSE : QUARANTINE
  return { ...row, vendor, reason, message, failingSince, setAsideUntil: now + time }
}
