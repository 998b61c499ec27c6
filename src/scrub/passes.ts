import { count, desc, eq, gt, isNotNull, lt, sum } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { blobs, scrubPasses } from '../db/tables/index.ts'
import type { Digest } from '../oci/digest.ts'

/** A pass of the scrub over all that is stored. */
export type ScrubPass = typeof scrubPasses.$inferSelect

/** A blob that the registry has. */
export type BlobToCheck = Pick<typeof blobs.$inferSelect, 'digest' | 'size'>

/** Passes that are kept. */
const KEPT = 20
/** Blobs that are read at a time. */
const BATCH = 100

/** Creates the records of passes, and the list of blobs that they go through. */
export function createPasses({ orm, transact, transactUnsynced }: Database) {
  const newest = () => orm.select().from(scrubPasses).orderBy(desc(scrubPasses.id)).limit(1)
  const last = (): ScrubPass | undefined => newest().get()
  return {
    /** Returns the newest pass, which runs unless it has ended. */
    last,
    /** Returns the newest pass that ended. */
    lastFinished: (): ScrubPass | undefined => newest().where(isNotNull(scrubPasses.finishedAt)).get(),
    /** Returns the pass that the end of the server interrupted; else begins one. */
    current: (startedAt: number): ScrubPass =>
      transact(() => {
        const interrupted = last()
        if (interrupted?.finishedAt === null) return interrupted
        orm
          .delete(scrubPasses)
          .where(lt(scrubPasses.id, (interrupted?.id ?? 0) - KEPT))
          .run()
        return orm
          .insert(scrubPasses)
          .values({ startedAt, position: '', blobCount: 0, size: 0 })
          .returning()
          .get()
      }),
    /** Stores how far a pass is; after a power cut a part of it is repeated. */
    update: ({ id, ...changes }: Pick<ScrubPass, 'id'> & Partial<ScrubPass>): void =>
      void transactUnsynced(() => orm.update(scrubPasses).set(changes).where(eq(scrubPasses.id, id)).run()),
    /** Returns the next blobs after a position, in byte order; none at the end. */
    blobsAfter: (position: Digest | ''): BlobToCheck[] =>
      orm
        .select({ digest: blobs.digest, size: blobs.size })
        .from(blobs)
        .where(gt(blobs.digest, position as Digest))
        .orderBy(blobs.digest)
        .limit(BATCH)
        .all(),
    isStored: (digest: Digest): boolean =>
      orm.select({ size: blobs.size }).from(blobs).where(eq(blobs.digest, digest)).get() !== undefined,
    /** Returns the number of all blobs, and their bytes. */
    totals(): { readonly count: number; readonly size: number } {
      const all = orm
        .select({ count: count(), size: sum(blobs.size) })
        .from(blobs)
        .get()
      return { count: all?.count ?? 0, size: Number(all?.size ?? 0) }
    },
  }
}
