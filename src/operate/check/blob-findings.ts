import { stat } from 'node:fs/promises'
import { asc, count, eq, gt, sum } from 'drizzle-orm'
import { BufferPool } from '../../blobs/buffer-pool.ts'
import { unlessAbsent } from '../../blobs/folders.ts'
import { inspectBlob } from '../../blobs/inspect.ts'
import { blobsOnDisk, type Layout } from '../../blobs/layout.ts'
import type { ReadOnlyDatabase } from '../../db/read-only.ts'
import { blobs } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Finding } from './finding.ts'

const BATCH = 1_000

/** Where blobs are checked, and how. */
export interface BlobCheck {
  readonly layout: Layout
  /** Whether their bytes are read, and compared with their digests. */
  readonly isDeep: boolean
  readonly holdersOf: (digest: Digest) => readonly string[]
  /** Called with the number of bytes that were checked. */
  readonly onProgress: (checked: number) => void
}

const KINDS = {
  MISSING: 'BLOB_MISSING',
  TRUNCATED: 'BLOB_TRUNCATED',
  DAMAGED: 'BLOB_DAMAGED',
  UNREADABLE: 'BLOB_UNREADABLE',
} as const

/** Returns the number of the blobs of the database, and their bytes. */
export function totalsOf({ orm }: ReadOnlyDatabase): { readonly count: number; readonly size: number } {
  const totals = orm
    .select({ count: count(), size: sum(blobs.size) })
    .from(blobs)
    .get()
  return { count: totals?.count ?? 0, size: Number(totals?.size ?? 0) }
}

/** Yields the blobs of the database whose file is not as it should be. */
export async function* findBlobs(db: ReadOnlyDatabase, check: BlobCheck): AsyncGenerator<Finding> {
  const { layout, isDeep, holdersOf, onProgress } = check
  const pool = new BufferPool()
  const pace = async (): Promise<void> => {}
  const rows = (after: string) =>
    db.orm
      .select()
      .from(blobs)
      .where(gt(blobs.digest, after as Digest))
      .orderBy(asc(blobs.digest))
      .limit(BATCH)
      .all()
  for (let batch = rows(''); batch.length > 0; batch = rows(batch.at(-1)?.digest ?? '')) {
    for (const { digest, size } of batch) {
      const path = layout.blob(digest)
      const problem = isDeep
        ? (await inspectBlob(path, { digest, size, pool, pace })).problem
        : await problemOfSize(path, size)
      onProgress(size)
      // a running server can have collected it meanwhile
      const isStored = problem && db.orm.select().from(blobs).where(eq(blobs.digest, digest)).get()
      if (problem && isStored) yield { kind: KINDS[problem], subject: digest, neededBy: holdersOf(digest) }
    }
  }
}

async function problemOfSize(path: string, size: number): Promise<'MISSING' | 'TRUNCATED' | null> {
  const status = await unlessAbsent(stat(path))
  if (!status?.isFile()) return 'MISSING'
  return status.size === size ? null : 'TRUNCATED'
}

/** Returns the number and the bytes of files that no row of the database describes: garbage collection removes them. */
export async function unreferenced(
  db: ReadOnlyDatabase,
  layout: Layout,
): Promise<{ count: number; size: number }> {
  const found = { count: 0, size: 0 }
  for await (const { digest, size } of blobsOnDisk(layout)) {
    if (db.orm.select({ size: blobs.size }).from(blobs).where(eq(blobs.digest, digest)).get()) continue
    found.count++
    found.size += size
  }
  return found
}
