import { type Digest, parseDigest } from '../../oci/digest.ts'
import { OciError } from './errors.ts'

const GRAMMAR = 'sha256: and 64, or sha512: and 128 lowercase hexadecimal digits'

/** Parses the digest of a path. Throws OciError. */
export function requireDigest(text: string): Digest {
  const digest = parseDigest(text)
  if (digest) return digest
  throw new OciError('DIGEST_INVALID', `the digest in the path is invalid: it must be ${GRAMMAR}`)
}

/** Parses the digest in a query parameter. Throws OciError. */
export function requireDigestParameter(query: URLSearchParams, name: string): Digest {
  const digest = parseDigest(query.get(name))
  if (digest) return digest
  throw new OciError('DIGEST_INVALID', `"${name}" must be a digest: ${GRAMMAR}`)
}
