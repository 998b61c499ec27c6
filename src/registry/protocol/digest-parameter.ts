import { type Digest, parseDigest } from '../../oci/digest.ts'
import { OciError } from './errors.ts'

/** The digest of a query's parameter. Throws OciError. */
export function digestIn(query: URLSearchParams, name: string): Digest {
  const digest = parseDigest(query.get(name))
  if (!digest) {
    throw new OciError(
      'DIGEST_INVALID',
      `"${name}" is a digest: sha256: and 64, or sha512: and 128 lowercase hexadecimal digits`,
    )
  }
  return digest
}
