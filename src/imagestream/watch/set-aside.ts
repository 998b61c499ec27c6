import { isVendorListingFailure } from '../image/remote-registry.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { RepositoryWatchRow } from './watch-rows.ts'

const HOUR = 60 * 60 * 1000
/** Milliseconds for which a vendor's listing is not asked for after it failed. */
const SET_ASIDE_FOR = 24 * HOUR
/** The same where nothing is wrong with it: it was only asked too much, and says so for minutes as a rule. */
const RESTED_FOR = HOUR

/** Of a listing that works. */
export const NOTHING_WRONG = { setAsideUntil: null, reason: null, message: null, failingSince: null }

/** A repository that nobody has looked at yet. */
export const notWatchedYet = ({ id, repositoryGeneration }: ImageStream): RepositoryWatchRow => ({
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

/** Whether the vendor's listing is left alone for now. */
export const isSetAside = ({ setAsideUntil }: RepositoryWatchRow, now: number): boolean =>
  // longer than ever: the clock was set back
  setAsideUntil !== null && now < setAsideUntil && now >= setAsideUntil - SET_ASIDE_FOR

/** The same repository, of which the vendor's listing could not be used. What is not its failure is not told. */
export function setAside(row: RepositoryWatchRow, error: unknown, now: number): RepositoryWatchRow {
  const failingSince = row.failingSince ?? now
  if (!isVendorListingFailure(error)) {
    const message = "an internal error, which the server's log explains"
    return { ...row, reason: 'InternalError', message, failingSince, setAsideUntil: now + SET_ASIDE_FOR }
  }
  const { vendor, reason, message } = error
  const time = reason === 'TooManyRequests' ? RESTED_FOR : SET_ASIDE_FOR
  return { ...row, vendor, reason, message, failingSince, setAsideUntil: now + time }
}
