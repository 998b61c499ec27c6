import { type Digest, parseDigest } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from '../../oci/tag.ts'

const GRAMMAR = 'sha256: and 64, or sha512: and 128 lowercase hexadecimal digits'

/** A tag or a digest in the path of a manifest. */
export type ManifestReference =
  | { readonly tag: TagName; readonly digest?: never }
  | { readonly digest: Digest; readonly tag?: never }

/** Parses a tag or a digest; undefined for other text. */
export function parseManifestReference(text: string): ManifestReference | undefined {
  if (isTagName(text)) return { tag: text }
  const digest = parseDigest(text)
  return digest && { digest }
}

/** Parses the reference of a manifest to be pushed. Throws OciError with the grammar. */
export function requireManifestReference(text: string): ManifestReference {
  const reference = parseManifestReference(text)
  if (reference) return reference
  throw text.includes(':')
    ? new OciError('DIGEST_INVALID', `the digest is invalid: it must be ${GRAMMAR}`)
    : illegalTag(text)
}

/** Returns the error for an invalid tag name. */
export const illegalTag = (text: string): OciError =>
  new OciError('MANIFEST_INVALID', `"${text.slice(0, 200)}" is not a valid tag: it must match ${TAG_GRAMMAR}`)

const requireDigestOf = (text: string | null, requirement: string): Digest => {
  const digest = parseDigest(text)
  if (digest) return digest
  throw new OciError('DIGEST_INVALID', requirement)
}

/** Parses the digest of a path. Throws OciError. */
export const requireDigest = (text: string): Digest =>
  requireDigestOf(text, `the digest in the path is invalid: it must be ${GRAMMAR}`)

/** Parses the digest in a query parameter. Throws OciError. */
export const requireDigestParameter = (query: URLSearchParams, name: string): Digest =>
  requireDigestOf(query.get(name), `"${name}" must be a digest: ${GRAMMAR}`)
