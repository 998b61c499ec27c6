import { LRUCache } from 'lru-cache'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Digest } from '../../oci/digest.ts'

interface IntactBlobsDependencies {
  readonly blobs: Pick<BlobStore, 'has'>
  /** Called once with each blob that is lost or cut short, until it is stored again. */
  readonly onLost: (digest: Digest, size: number) => void
}

/** Digests whose loss was reported. */
const MAX_REPORTED = 10_000

/**
 * Reports whether the store has all bytes of a blob that a repository has. A blob that is lost or cut short is reported: it is
 * missing for clients, which then push it again.
 */
export type IsIntact = (digest: Digest, size: number) => Promise<boolean>

/** Creates the check of the bytes of blobs. */
export function createIntactBlobs({ blobs, onLost }: IntactBlobsDependencies): IsIntact {
  const reported = new LRUCache<Digest, true>({ max: MAX_REPORTED })
  return async (digest, size) => {
    const isIntact = await blobs.has(digest, size)
    if (isIntact) reported.delete(digest)
    else if (!reported.has(digest)) {
      reported.set(digest, true)
      onLost(digest, size)
    }
    return isIntact
  }
}
