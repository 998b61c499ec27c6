import type { Digest } from '../../oci/digest.ts'

/** Content never changes under its digest: the strongest validator there is. */
export const etagOf = (digest: Digest): string => `"${digest}"`

/** Whether the client has it already: quoted, weak, bare, one of many or `*`. Source: RFC 9110, section 13.1.2. */
export const matchesEtag = (ifNoneMatch: string | undefined, digest: Digest): boolean =>
  ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || ifNoneMatch.includes(digest))
