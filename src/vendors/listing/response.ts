import { isObject, type Json, MAX_DEPTH, parseJson } from '../../oci/json.ts'
import { nextLink } from '../../remote/content/listing-pages.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from './errors.ts'

/** Parses the body of a response. Throws OddShapeError unless it is JSON of limited depth. */
export function parseResponse({ body, headers }: ApiResponse): unknown {
  const json = parseJson(body)
  if (json !== undefined) return json
  const isPage = /html/i.test(String(headers['content-type'] ?? ''))
  throw new OddShapeError(
    isPage ? 'the response is a web page' : `the response is not JSON, or has more than ${MAX_DEPTH} levels`,
  )
}

/** Returns the value. Throws OddShapeError, with its `name`, unless it is an object. */
export function objectOf(value: unknown, name = 'the response'): Json {
  if (!isObject(value)) throw new OddShapeError(`${name} is not an object`)
  return value
}

/** Returns the value. Throws OddShapeError, with its `name`, unless it is a list. */
export function listOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new OddShapeError(`${name} is not a list`)
  return value
}

/** Returns the value. Throws OddShapeError, with its `name`, unless it is a list of objects. */
export const objectsOf = (value: unknown, name = 'the response'): readonly Json[] =>
  listOf(value, name).map((entry) => objectOf(entry, `an entry of ${name}`))

/** Returns the value; null unless it is a non-negative integer. */
export const countOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null

const EARLIEST = Date.UTC(2000, 0)
const LATEST = Date.UTC(3000, 0)

/** Reports whether milliseconds since 1970 may be the time of a registry's event, or an expiry that a user chose. */
export const isPlausibleTime = (milliseconds: number): boolean =>
  milliseconds >= EARLIEST && milliseconds < LATEST

/** Returns whole milliseconds. Throws OddShapeError for an implausible time: it has another unit, or is no time. */
function plausibleTime(milliseconds: number): number {
  if (isPlausibleTime(milliseconds)) return Math.round(milliseconds)
  throw new OddShapeError(`it has an implausible time: ${milliseconds} milliseconds since 1970`)
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)$/
/** What vendors send for no time: zero values of Go and of Unix. */
const UNSET: ReadonlySet<number> = new Set([Date.parse('0001-01-01T00:00:00Z'), 0])

const parseTime = (value: unknown): number | null =>
  typeof value === 'string' && RFC3339.test(value) ? Date.parse(value) : null

/** Returns an RFC 3339 time as milliseconds since 1970; null for none. Throws OddShapeError for an implausible one. */
export function timeOf(value: unknown): number | null {
  const time = parseTime(value)
  return time === null || UNSET.has(time) ? null : plausibleTime(time)
}

/**
 * Returns the creation time of an image as milliseconds since 1970. Null for none, and for an implausible one: the builder of
 * an image may set any value.
 */
export function creationTimeOf(value: unknown): number | null {
  const time = parseTime(value)
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

/**
 * Returns the path and query of the next page from the `Link` header of a response; undefined when there is none. Uses
 * only the query of the link, not its host and path: a registry behind a proxy may name itself by any. Throws
 * OddShapeError. Source: RFC 8288.
 */
export function nextPageOf({ headers }: ApiResponse, path: string): string | undefined {
  const page = new URL(path, 'http://registry.invalid')
  try {
    const next = nextLink(headers, page)
    return next && `${page.pathname}${next.search}`
  } catch {
    throw new OddShapeError('its Link to the next page cannot be parsed')
  }
}
