import { and, asc, eq, gt, inArray, lte, max, notExists, sql } from 'drizzle-orm'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { blobs as blobRows, repositoryBlobs } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { PAGE } from '../kept/pages.ts'
import type { RemovalHold } from './removal-hold.ts'

/** A blob on the disk. */
export interface StoredBlob {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** Receives the result of each removal of a file. */
export interface Removals {
  removed(bytes: number): void
  failed(error: unknown): void
}

/** A range of digests: after `after`, up to and including `end`. */
interface DigestRange {
  readonly after: string
  readonly end: Digest
}

/**
 * Yields ranges of a page of blobs each, after the digest `start`. Statements about a range read no other blobs. Lets the event loop run after
 * each. Throws the signal's reason once it is aborted.
 */
export async function* blobRanges(
  { orm }: Database,
  signal: AbortSignal,
  start = '',
): AsyncGenerator<DigestRange> {
  const { digest } = blobRows
  for (let after = start; ; ) {
    const isAfter = gt(digest, sql`${after}`)
    const rest = orm.select({ digest }).from(blobRows).where(isAfter).orderBy(asc(digest))
    const last = orm
      .select({ digest: max(digest) })
      .from(blobRows)
      .where(isAfter)
    const end = (
      rest
        .limit(1)
        .offset(PAGE - 1)
        .get() ?? last.get()
    )?.digest
    if (!end) return
    yield { after, end }
    after = end
    await yieldToEventLoop(signal)
  }
}

/** Creates the removal of blobs that no repository has, and of files without a row. */
export function createStoredBlobs(db: Database, blobs: BlobStore, hold: RemovalHold) {
  const { orm } = db
  const { digest } = blobRows
  const isUnlinked = notExists(
    orm.select({ found: sql`1` }).from(repositoryBlobs).where(eq(repositoryBlobs.digest, digest)),
  )
  // runs for each file
  const row = orm
    .select({ digest })
    .from(blobRows)
    .where(eq(digest, sql.placeholder('digest')))
    .prepare()
  const hasRow = (digest: Digest): boolean => row.get({ digest }) !== undefined

  const tryToRemove = async (digest: Digest) => {
    let [isWanted, isHeld] = [false, false]
    const bytes = await blobs.remove(digest, () => {
      // it has a row again if it was pushed since the row was removed
      isWanted = hasRow(digest)
      isHeld = hold.isHeld()
      return isWanted || isHeld
    })
    return { bytes, isWanted, isHeld }
  }

  /** Removes the file unless it has a row, once no backup runs. */
  const removeFile = async (digest: Digest, removals: Removals, signal: AbortSignal): Promise<void> => {
    try {
      for (;;) {
        await hold.released(signal)
        const { bytes, isWanted, isHeld } = await tryToRemove(digest)
        if (isWanted) return
        if (!isHeld) return removals.removed(bytes)
      }
    } catch (error) {
      signal.throwIfAborted()
      // the other files are still removed; the next run finds this one as a stray
      removals.failed(error)
    }
  }

  /** Yields stray files: they have no row, because the server stopped between writing a file and its row. */
  async function* strays(signal: AbortSignal): AsyncGenerator<StoredBlob> {
    for await (const file of blobs.stored()) {
      signal.throwIfAborted()
      if (!hasRow(file.digest)) yield file
    }
  }

  return {
    strays,

    /** Removes the rows and files of blobs that no repository has. */
    async removeUnlinked(removals: Removals, signal: AbortSignal): Promise<void> {
      for await (const { after, end } of blobRanges(db, signal)) {
        const isInRange = and(gt(digest, sql`${after}`), lte(digest, end))
        const unlinked = orm.select({ digest }).from(blobRows).where(and(isInRange, isUnlinked))
        const digests = unlinked
          .orderBy(asc(digest))
          .all()
          .map((row) => row.digest)
        for (const batch of inBatches(digests)) {
          // rows first: a crash then leaves an unused file, never a row without its bytes
          const removed = db.transact(() =>
            orm
              .delete(blobRows)
              .where(and(inArray(digest, [...batch]), isUnlinked))
              .returning({ digest })
              .all(),
          )
          for (const { digest } of removed) await removeFile(digest, removals, signal)
          await yieldToEventLoop(signal)
        }
      }
    },

    /** Removes stray files. */
    async removeStrays(removals: Removals, signal: AbortSignal): Promise<void> {
      for await (const { digest } of strays(signal)) await removeFile(digest, removals, signal)
    },
  }
}
