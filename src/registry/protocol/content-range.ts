import type { ByteRange } from '../../blobs/blob-store.ts'

const CONTENT_RANGE = /^(?:bytes[ =])?([0-9]{1,16})-([0-9]{1,16})(?:\/(?:\*|[0-9]+))?$/

/**
 * Reads which bytes of a blob a chunk is: `0-1023`, the last byte included; also in HTTP's own form, which some clients
 * send. Undefined when it says nothing that makes sense. Source: OCI distribution-spec, pushing a blob in chunks.
 */
export function parseContentRange(text: string): ByteRange | undefined {
  const [, first, last] = CONTENT_RANGE.exec(text) ?? []
  if (first === undefined || last === undefined) return undefined
  const range = { start: Number(first), end: Number(last) + 1 }
  return range.start < range.end && Number.isSafeInteger(range.end) ? range : undefined
}
