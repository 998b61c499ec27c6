import type { ByteRange } from '../../blobs/send.ts'
import type { Digest } from '../../oci/digest.ts'

const SINGLE_RANGE = /^bytes=(?:([0-9]+)-([0-9]*)|-([0-9]+))$/i
const CONTENT_RANGE = /^(?:bytes[ =])?([0-9]{1,16})-([0-9]{1,16})(?:\/(?:\*|[0-9]+))?$/

/**
 * Parses a `Range` header for content of `size` bytes. Returns null when the content has no byte in the range. Returns
 * undefined for no header, several ranges or another syntax: a server may ignore those. Source: RFC 9110, section 14.2.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | null | undefined {
  const range = header === undefined ? null : SINGLE_RANGE.exec(header)
  if (!range) return undefined
  const [, first, last, suffix] = range
  const start = suffix === undefined ? Number(first) : Math.max(size - Number(suffix), 0)
  const end = last ? Math.min(Number(last) + 1, size) : size
  return start < end ? { start, end } : null
}

/**
 * Parses the `Content-Range` of a chunk: `0-1023`, the last byte included; also in the form of RFC 9110, which some
 * clients send. Undefined for an invalid range. Source: OCI distribution-spec, pushing a blob in chunks.
 */
export function parseContentRange(text: string): ByteRange | undefined {
  const [, first, last] = CONTENT_RANGE.exec(text) ?? []
  if (first === undefined || last === undefined) return undefined
  const range = { start: Number(first), end: Number(last) + 1 }
  return range.start < range.end && Number.isSafeInteger(range.end) ? range : undefined
}

/** Returns a strong validator: content never changes under its digest. */
export const etagOf = (digest: Digest): string => `"${digest}"`

/**
 * Reports whether an `If-None-Match` header contains the digest: quoted, weak, bare, in a list or `*`.
 * Source: RFC 9110, section 13.1.2.
 */
export const matchesEtag = (ifNoneMatch: string | undefined, digest: Digest): boolean =>
  ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || ifNoneMatch.includes(digest))
