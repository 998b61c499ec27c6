import type { ByteRange } from '../../blobs/blob-store.ts'

const SINGLE_RANGE = /^bytes=(?:([0-9]+)-([0-9]*)|-([0-9]+))$/i

/**
 * The part of `size` bytes that a `Range` header asks for; null when there are no such bytes. Undefined when it asks for
 * the whole, for several parts, or in words that are not HTTP's: a server may ignore such a header.
 * Source: RFC 9110, section 14.2.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | null | undefined {
  const range = header === undefined ? null : SINGLE_RANGE.exec(header)
  if (!range) return undefined
  const [, first, last, suffix] = range
  const start = suffix === undefined ? Number(first) : Math.max(size - Number(suffix), 0)
  const end = last ? Math.min(Number(last) + 1, size) : size
  return start < end ? { start, end } : null
}
