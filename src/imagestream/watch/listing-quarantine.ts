import { isVendorListingFailure } from '../image/remote-registry.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { RepositoryWatchRow } from './watch-rows.ts'

const HOUR = 60 * 60 * 1000
/** Milliseconds for which a vendor's listing is not read after a failure. */
const QUARANTINE = 24 * HOUR
/** Milliseconds for which it is not read after a rate limit. */
const RATE_LIMIT_PAUSE = HOUR

/** Columns of a repository whose listing works. */
export const NO_FAILURE = { setAsideUntil: null, reason: null, message: null, failingSince: null }

/** Returns the row of a repository that was not checked yet. */
export const newWatch = ({ id, repositoryGeneration }: ImageStream): RepositoryWatchRow => ({
  streamId: id,
  generation: repositoryGeneration,
  vendor: null,
  checkedAt: null,
  checkedBy: null,
  sweptAt: null,
  total: null,
  marks: null,
  ...NO_FAILURE,
})

/** Reports whether the vendor's listing must not be read now. */
export const isQuarantined = ({ setAsideUntil }: RepositoryWatchRow, now: number): boolean =>
  // a time too far in the future was written before the clock was set back
  setAsideUntil !== null && now < setAsideUntil && now >= setAsideUntil - QUARANTINE

/** Returns the row of a repository whose vendor's listing failed. The message hides internal errors. */
export function quarantine(row: RepositoryWatchRow, error: unknown, now: number): RepositoryWatchRow {
  const failingSince = row.failingSince ?? now
  if (!isVendorListingFailure(error)) {
    const message = "internal error: see the server's log"
    return { ...row, reason: 'InternalError', message, failingSince, setAsideUntil: now + QUARANTINE }
  }
  const { vendor, reason, message } = error
  const time = reason === 'TooManyRequests' ? RATE_LIMIT_PAUSE : QUARANTINE
  return { ...row, vendor, reason, message, failingSince, setAsideUntil: now + time }
}
