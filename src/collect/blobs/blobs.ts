import type { BlobStore } from '../../blobs/blob-store.ts'
import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { PAGE } from '../pages.ts'

/** Bytes on the disk that no repository has. */
export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
}

/** Hears of each file that went, and of each that could not be removed. */
export interface Removals {
  removed(bytes: number): void
  failed(error: unknown): void
}

export interface BlobCollection {
  /** Forgets and removes the blobs that no repository has. */
  sweep(removals: Removals, signal: AbortSignal | undefined): Promise<void>
  /** Removes files that no row knows: an end came between a file and its row. */
  sweepStrays(removals: Removals, signal: AbortSignal | undefined): Promise<void>
  strays(signal: AbortSignal | undefined): AsyncGenerator<StoredBlob>
}

/** Key of the last of the next so many blobs: what a page has is then found without passing over more than them. */
export const blobPageEnd = (db: Database) => {
  const at = db.prepare<{ digest: Digest }>(
    `select digest from blobs where digest > ? order by digest limit 1 offset ${PAGE - 1}`,
  )
  const last = db.prepare<{ digest: Digest | null }>(
    'select max(digest) as digest from blobs where digest > ?',
  )
  /** Undefined when there are no more. */
  return (after: string): Digest | undefined => (at.get(after) ?? last.get(after))?.digest ?? undefined
}

export function createBlobCollection(db: Database, blobs: BlobStore): BlobCollection {
  const pageEnd = blobPageEnd(db)
  const unlinked = db.prepare<{ digest: Digest }>(
    `select digest from blobs b where digest > ? and digest <= ?
     and not exists (select 1 from repository_blobs l where l.digest = b.digest) order by digest`,
  )
  const forget = db.prepare(
    'delete from blobs as b where digest = ? and not exists (select 1 from repository_blobs l where l.digest = b.digest)',
  )
  const known = db.prepare('select 1 as known from blobs where digest = ?')
  const isKnown = (digest: Digest): boolean => known.get(digest) !== undefined

  const remove = async (digest: Digest, removals: Removals): Promise<void> => {
    let went = true
    try {
      const bytes = await blobs.remove(digest, () => {
        // pushed again since its row went
        const wanted = isKnown(digest)
        went = !wanted
        return wanted
      })
      if (went) removals.removed(bytes)
    } catch (error) {
      // one file that cannot be removed does not keep all others; the next run finds it as a stray
      removals.failed(error)
    }
  }

  async function* strays(signal: AbortSignal | undefined): AsyncGenerator<StoredBlob> {
    for await (const file of blobs.stored()) {
      signal?.throwIfAborted()
      if (!isKnown(file.digest)) yield file
    }
  }

  return {
    strays,

    async sweep(removals, signal) {
      for (let after = '', end = pageEnd(after); end !== undefined; end = pageEnd(after)) {
        const digests = unlinked.all(after, end).map(({ digest }) => digest)
        for (const batch of inBatches(digests)) {
          // the row first: a crash leaves a file that nobody wants, never a row without its bytes
          const gone = db.transact(() => batch.filter((digest) => forget.run(digest).changes > 0))
          for (const digest of gone) await remove(digest, removals)
          await yieldToEventLoop(signal)
        }
        after = end
        await yieldToEventLoop(signal)
      }
    },

    async sweepStrays(removals, signal) {
      for await (const { digest } of strays(signal)) await remove(digest, removals)
    },
  }
}
