import { createHash } from 'node:crypto'
import { DigestMismatchError } from '../../blobs/errors.ts'
import { algorithmOf, type Digest } from '../../oci/digest.ts'

/**
 * Yields the bytes of a blob from the offset on; the last ones only when the digest of all of them is verified, so that a
 * receiver never has a wrong blob completely. Throws DigestMismatchError, and as `whole`, which has the blob from its first byte.
 */
export async function* verifiedFrom(
  whole: AsyncIterable<Uint8Array>,
  { digest, offset }: { readonly digest: Digest; readonly offset: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash(algorithmOf(digest))
  let at = 0
  let last: Uint8Array | undefined
  for await (const chunk of whole) {
    hash.update(chunk)
    if (last !== undefined && last.length > 0) yield last
    last = chunk.subarray(Math.min(chunk.length, Math.max(0, offset - at)))
    at += chunk.length
  }
  const found = `${algorithmOf(digest)}:${hash.digest('hex')}`
  if (found !== digest) throw new DigestMismatchError(`the blob has the digest ${found}, not ${digest}`)
  if (last !== undefined && last.length > 0) yield last
}
