import { isObject } from '../../oci/descriptor.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from './errors.ts'

export type Json = Readonly<Record<string, unknown>>

/** Lists and objects inside one another; the deepest answer of a vendor has eight. */
const MAX_DEPTH = 32

/** The body of an answer. Throws OddShapeError for what is not JSON, or nested without end. */
export function parseJson({ body, headers }: ApiResponse): unknown {
  if (depthOf(body) > MAX_DEPTH) throw new OddShapeError(`its answer is nested deeper than ${MAX_DEPTH}`)
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  } catch {
    // no cause: the parser's message quotes the body
    const isPage = /html/i.test(String(headers['content-type'] ?? ''))
    throw new OddShapeError(isPage ? 'its answer is a web page' : 'its answer is not JSON')
  }
}

const QUOTE = 0x22
const ESCAPE = 0x5c
const OPENING = [0x5b, 0x7b] as const
const CLOSING = [0x5d, 0x7d] as const

/** How deep the text nests, counted without reading it; in text that is no JSON, nothing of meaning. */
function depthOf(text: Uint8Array): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0
    if (byte === QUOTE) {
      for (at += 1; at < text.length && text[at] !== QUOTE; at += 1) if (text[at] === ESCAPE) at += 1
    } else if (byte === OPENING[0] || byte === OPENING[1]) {
      depth += 1
      deepest = Math.max(deepest, depth)
    } else if (byte === CLOSING[0] || byte === CLOSING[1]) depth -= 1
  }
  return deepest
}

/** The value as an object. Throws OddShapeError; `name` is what it is called there. */
export function objectOf(value: unknown, name: string): Json {
  if (!isObject(value)) throw new OddShapeError(`${name} is no object`)
  return value
}

/** The value as a list. Throws OddShapeError; `name` is what it is called there. */
export function listOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new OddShapeError(`${name} is no list`)
  return value
}

/** The value as a list of objects. Throws OddShapeError; `name` is what it is called there. */
export const objectsOf = (value: unknown, name: string): readonly Json[] =>
  listOf(value, name).map((entry) => objectOf(entry, `an entry of ${name}`))

/** A count; null where what stands there is none. */
export const countOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)$/

/** Milliseconds since 1970 of an RFC 3339 time; null for none, and for the year 1, which Go writes for none. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string' || !RFC3339.test(value)) return null
  const time = Date.parse(value)
  return Number.isNaN(time) || time <= 0 ? null : time
}

/** Milliseconds since 1970 of so many units of `unit` milliseconds, as a number or digits; null for zero or less. */
export function timestampOf(value: unknown, unit: number): number | null {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !(number > 0)) return null
  const time = number * unit
  return time <= 8.64e15 ? Math.round(time) : null
}
