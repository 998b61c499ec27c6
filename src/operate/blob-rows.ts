import { asc, eq, gt, sql } from 'drizzle-orm'
import type { OpenSnapshot } from '../db/snapshot.ts'
import { blobs } from '../db/tables/index.ts'
import type { Digest } from '../oci/digest.ts'

/** A blob that a snapshot has. */
export interface BlobRow {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

const PAGE = 1_000

/** Yields the blobs of a snapshot in the order of their digests. */
export function* blobRows({ orm }: Pick<OpenSnapshot, 'orm'>): Generator<BlobRow> {
  for (let after = ''; ; ) {
    const page = orm
      .select({ digest: blobs.digest, size: blobs.size })
      .from(blobs)
      .where(gt(blobs.digest, after as Digest))
      .orderBy(asc(blobs.digest))
      .limit(PAGE)
      .all()
    yield* page
    const last = page.at(-1)
    if (!last) return
    after = last.digest
  }
}

/** Returns a function that reports whether a snapshot has a blob. */
export function knownBlobs({ orm }: Pick<OpenSnapshot, 'orm'>): (digest: Digest) => boolean {
  const row = orm
    .select({ digest: blobs.digest })
    .from(blobs)
    .where(eq(blobs.digest, sql.placeholder('digest')))
    .prepare()
  return (digest) => row.get({ digest }) !== undefined
}
