import { isObject, type Json, parseJson } from '../../oci/json.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from './errors.ts'

/** Nesting of lists and objects; the deepest response of a vendor has eight levels. */
const MAX_DEPTH = 32

/** Parses the body of a response. Throws OddShapeError unless it is JSON of limited depth. */
export function parseResponse({ body, headers }: ApiResponse): unknown {
  if (depthOf(body) > MAX_DEPTH) throw new OddShapeError(`the response is nested deeper than ${MAX_DEPTH}`)
  const json = parseJson(body)
  if (json !== undefined) return json
  const isPage = /html/i.test(String(headers['content-type'] ?? ''))
  throw new OddShapeError(isPage ? 'the response is a web page' : 'the response is not JSON')
}

const QUOTE = 0x22
const ESCAPE = 0x5c
const OPENING = [0x5b, 0x7b] as const
const CLOSING = [0x5d, 0x7d] as const

/** Returns the nesting depth of JSON text without parsing it. */
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

/** Returns the value. Throws OddShapeError, with its `name`, unless it is an object. */
export function objectOf(value: unknown, name: string): Json {
  if (!isObject(value)) throw new OddShapeError(`${name} is not an object`)
  return value
}

/** Returns the value. Throws OddShapeError, with its `name`, unless it is a list. */
export function listOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new OddShapeError(`${name} is not a list`)
  return value
}

/** Returns the value. Throws OddShapeError, with its `name`, unless it is a list of objects. */
export const objectsOf = (value: unknown, name: string): readonly Json[] =>
  listOf(value, name).map((entry) => objectOf(entry, `an entry of ${name}`))

/** Returns the value; null unless it is a non-negative integer. */
export const countOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
