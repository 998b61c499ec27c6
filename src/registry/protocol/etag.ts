import type { Digest } from '../../oci/digest.ts'

/** Returns a strong validator: content never changes under its digest. */
export const etagOf = (digest: Digest): string => `"${digest}"`

/**
 * Reports whether an `If-None-Match` header contains the digest: quoted, weak, bare, in a list or `*`.
 * Source: RFC 9110, section 13.1.2.
 */
export const matchesEtag = (ifNoneMatch: string | undefined, digest: Digest): boolean =>
  ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || ifNoneMatch.includes(digest))
