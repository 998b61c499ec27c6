/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** Reports whether the value is a JSON object. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the value if it is text, or else an empty text. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Maximum levels of lists and objects in JSON that a client or a registry sends. */
export const MAX_DEPTH = 64

/**
 * Parses JSON, of bytes as UTF-8. Returns undefined for anything else: the error of `JSON.parse` would quote the text, which
 * may contain a secret. Returns undefined also for more than MAX_DEPTH levels, which are not parsed.
 */
export function parseJson(source: string | Uint8Array): unknown {
  try {
    const text = typeof source === 'string' ? source : textOfBytes(source)
    return isTooDeep(source) ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const textOfBytes = (bytes: Uint8Array): string => bufferOf(bytes).toString()

/** Reports whether JSON has more than MAX_DEPTH levels, without parsing it. */
export const isTooDeep = (source: string | Uint8Array): boolean =>
  source.length > 2 * MAX_DEPTH && measureJson(source).depth > MAX_DEPTH

/** Size of JSON beside its length. */
interface JsonMeasure {
  /** Levels of lists and objects; not counted any further above MAX_DEPTH. */
  readonly depth: number
  /** Opening brackets and commas: at least half the number of values. */
  readonly items: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPENING = [0x5b, 0x7b] as const
const CLOSING = [0x5d, 0x7d] as const

/** Measures JSON without parsing it; the measure of other text has no meaning. */
export function measureJson(source: string | Uint8Array): JsonMeasure {
  const bytes = typeof source === 'string' ? Buffer.from(source) : bufferOf(source)
  let [level, depth, items] = [0, 0, 0]
  for (let at = 0; at < bytes.length && depth <= MAX_DEPTH; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = endOfString(bytes, at)
    } else if (byte === OPENING[0] || byte === OPENING[1]) {
      items++
      if (++level > depth) depth = level
    } else if (byte === COMMA) items++
    else if (byte === CLOSING[0] || byte === CLOSING[1]) level--
  }
  return { depth, items }
}

/** Returns the offset of the quote that ends the string. */
function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++
    else if (bytes[at] === QUOTE) return at
  }
  return bytes.length
}
