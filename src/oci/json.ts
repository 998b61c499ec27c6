/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** Reports whether the value is a JSON object. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the value if it is text, or else an empty text. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/**
 * Parses JSON, of bytes as UTF-8. Returns undefined for anything else: the error of `JSON.parse` would quote the text, which
 * may contain a secret.
 */
export function parseJson(source: string | Uint8Array): unknown {
  try {
    return JSON.parse(
      typeof source === 'string'
        ? source
        : Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString(),
    )
  } catch {
    return undefined
  }
}

/** Levels of lists and objects in a registry's response; the deepest response of a vendor has eight. */
export const MAX_DEPTH = 32

const QUOTE = 0x22
const ESCAPE = 0x5c
const OPENING = [0x5b, 0x7b] as const
const CLOSING = [0x5d, 0x7d] as const

/** Reports whether JSON text has more than MAX_DEPTH levels, without parsing it. */
export function isTooDeep(text: Uint8Array): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0
    if (byte === QUOTE) {
      for (at += 1; at < text.length && text[at] !== QUOTE; at += 1) if (text[at] === ESCAPE) at += 1
    } else if (byte === OPENING[0] || byte === OPENING[1]) {
      depth += 1
      if (depth > MAX_DEPTH) return true
    } else if (byte === CLOSING[0] || byte === CLOSING[1]) depth -= 1
  }
  return false
}
