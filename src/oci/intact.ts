import { type Digest, matchesDigest } from './digest.ts'

/** Stored bytes no longer have their digest: a disk changed them. */
export class DamagedContentError extends Error {
  override readonly name = 'DamagedContentError'
  readonly code = 'DAMAGED_CONTENT'
}

/** Returns stored bytes. Throws DamagedContentError unless they have the digest. */
export function intact(digest: Digest, bytes: Uint8Array): Uint8Array {
  if (matchesDigest(bytes, digest)) return bytes
  throw new DamagedContentError(
    `the stored bytes of ${digest} are damaged: push or import the image again, or restore a backup`,
  )
}
