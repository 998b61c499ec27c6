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
