import { type Digest, parseDigest } from '../../oci/digest.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from '../../oci/tag.ts'
import { OciError } from '../protocol/errors.ts'

/** How a path names a manifest. */
export type ManifestReference =
  | { readonly tag: TagName; readonly digest?: never }
  | { readonly digest: Digest; readonly tag?: never }

/** Undefined when the text is neither a tag nor a digest: no manifest has such a name. */
export function parseManifestReference(text: string): ManifestReference | undefined {
  if (isTagName(text)) return { tag: text }
  const digest = parseDigest(text)
  return digest && { digest }
}

/** As above, for who names a manifest anew. Throws OciError that says what is allowed. */
export function requireManifestReference(text: string): ManifestReference {
  const reference = parseManifestReference(text)
  if (reference) return reference
  throw text.includes(':')
    ? new OciError(
        'DIGEST_INVALID',
        'a digest is sha256: and 64 or sha512: and 128 lowercase hexadecimal digits',
      )
    : illegalTag(text)
}

/** The refusal of a tag's name. */
export const illegalTag = (text: string): OciError =>
  new OciError('MANIFEST_INVALID', `"${text.slice(0, 200)}" cannot be a tag: one matches ${TAG_GRAMMAR}`)
