import { and, asc, eq, gt, lte, max, notExists, type SQL, sql } from 'drizzle-orm'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { blobs as blobRows, repositoryBlobs } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { PAGE } from '../kept/pages.ts'

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

export interface StoredBlobs {
  /** Removes the rows and files of blobs that no repository has. */
  removeUnlinked(removals: Removals, signal: AbortSignal | undefined): Promise<void>
  /** Removes stray files. */
  removeStrays(removals: Removals, signal: AbortSignal | undefined): Promise<void>
  /** Yields stray files: they have no row, because the server stopped between writing a file and its row. */
  strays(signal: AbortSignal | undefined): AsyncGenerator<StoredBlob>
}

/** A range of digests: after `after`, up to and including `end`. */
export interface DigestRange {
  readonly after: string
  readonly end: Digest
}

/** Ranges of a page of blobs each. Statements about a range read no other blobs. Lets the event loop run after each. */
export type BlobRanges = (signal: AbortSignal | undefined) => AsyncGenerator<DigestRange>

export function createBlobRanges({ orm }: Database): BlobRanges {
  const isAfter = gt(blobRows.digest, sql.placeholder('after'))
  const endOfPage = orm
    .select({ digest: blobRows.digest })
    .from(blobRows)
    .where(isAfter)
    .orderBy(asc(blobRows.digest))
    .limit(1)
    .offset(PAGE - 1)
    .prepare()
  const last = orm
    .select({ digest: max(blobRows.digest) })
    .from(blobRows)
    .where(isAfter)
    .prepare()
  return async function* (signal) {
    for (let after = ''; ; ) {
      const end = (endOfPage.get({ after }) ?? last.get({ after }))?.digest
      if (!end) return
      yield { after, end }
      after = end
      await yieldToEventLoop(signal)
    }
  }
}

export function createStoredBlobs(db: Database, blobs: BlobStore, ranges: BlobRanges): StoredBlobs {
  const { orm } = db
  const isUnlinked: SQL = notExists(
    orm.select({ found: sql`1` }).from(repositoryBlobs).where(eq(repositoryBlobs.digest, blobRows.digest)),
  )
  const unlinked = orm
    .select({ digest: blobRows.digest })
    .from(blobRows)
    .where(
      and(
        gt(blobRows.digest, sql.placeholder('after')),
        lte(blobRows.digest, sql.placeholder('end')),
        isUnlinked,
      ),
    )
    .orderBy(asc(blobRows.digest))
    .prepare()
  const isDigest = eq(blobRows.digest, sql.placeholder('digest'))
  const removeRow = orm.delete(blobRows).where(and(isDigest, isUnlinked)).prepare()
  const row = orm.select({ digest: blobRows.digest }).from(blobRows).where(isDigest).prepare()
  const hasRow = (digest: Digest): boolean => row.get({ digest }) !== undefined

  const removeFile = async (digest: Digest, removals: Removals): Promise<void> => {
    let isRemoved = true
    try {
      const bytes = await blobs.remove(digest, () => {
        // it has a row again if it was pushed since the row was removed
        isRemoved = !hasRow(digest)
        return !isRemoved
      })
      if (isRemoved) removals.removed(bytes)
    } catch (error) {
      // the other files are still removed; the next run finds this one as a stray
      removals.failed(error)
    }
  }

  async function* strays(signal: AbortSignal | undefined): AsyncGenerator<StoredBlob> {
    for await (const file of blobs.stored()) {
      signal?.throwIfAborted()
      if (!hasRow(file.digest)) yield file
    }
  }

  return {
    strays,

    async removeUnlinked(removals, signal) {
      for await (const range of ranges(signal)) {
        const digests = unlinked.all({ ...range }).map(({ digest }) => digest)
        for (const batch of inBatches(digests)) {
          // rows first: a crash then leaves an unused file, never a row without its bytes
          const removed = db.transact(() => batch.filter((digest) => removeRow.run({ digest }).changes > 0))
          for (const digest of removed) await removeFile(digest, removals)
          await yieldToEventLoop(signal)
        }
      }
    },

    async removeStrays(removals, signal) {
      for await (const { digest } of strays(signal)) await removeFile(digest, removals)
    },
  }
}
