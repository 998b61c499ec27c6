import { OddShapeError } from './errors.ts'

const EARLIEST = Date.UTC(2000, 0)
const LATEST = Date.UTC(3000, 0)

/** Reports whether milliseconds since 1970 may be the time of a registry's event, or an expiry that a user chose. */
export const isPlausibleTime = (milliseconds: number): boolean =>
  milliseconds >= EARLIEST && milliseconds < LATEST

/**
 * Returns a vendor's time as whole milliseconds since 1970. Throws OddShapeError for one before the year 2000 or from the
 * year 3000 on: it has another unit, or is no time.
 */
export function plausibleTime(milliseconds: number): number {
  if (isPlausibleTime(milliseconds)) return Math.round(milliseconds)
  throw new OddShapeError(`it has an implausible time: ${milliseconds} milliseconds since 1970`)
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)$/
/** What vendors send for no time: zero values of Go and of Unix. */
const UNSET: ReadonlySet<number> = new Set([Date.parse('0001-01-01T00:00:00Z'), 0])

const parse = (value: unknown): number | null =>
  typeof value === 'string' && RFC3339.test(value) ? Date.parse(value) : null

/** Returns an RFC 3339 time as milliseconds since 1970; null for none. Throws OddShapeError for an implausible one. */
export function timeOf(value: unknown): number | null {
  const time = parse(value)
  return time === null || UNSET.has(time) ? null : plausibleTime(time)
}

/**
 * Returns the creation time of an image as milliseconds since 1970. Null for none, and for an implausible one: the builder of
 * an image may set any value.
 */
export function creationTimeOf(value: unknown): number | null {
  const time = parse(value)
  return time !== null && isPlausibleTime(time) ? time : null
}

/**
 * Returns a timestamp, a number or decimal digits, as milliseconds since 1970; null for none, which vendors send as 0 too.
 * `unit` is the timestamp's unit in milliseconds. Throws OddShapeError for an implausible one.
 */
export function timestampOf(value: unknown, unit: number): number | null {
  const number = typeof value === 'string' && /^\d{1,30}$/.test(value) ? Number(value) : value
  return typeof number !== 'number' || number === 0 ? null : plausibleTime(number * unit)
}
