import { and, desc, eq, isNotNull, isNull } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { collections } from '../../db/tables/index.ts'

/**
 * A run of the garbage collection. `finishedAt` is null while it runs and after it was stopped. `message` is the reason why
 * some work is not done; null while it runs, and when all work is done. `bytes` is the freed disk space.
 */
export type GarbageCollection = typeof collections.$inferSelect

/** What a run has removed so far. */
export type Tally = Pick<GarbageCollection, 'manifests' | 'blobs' | 'uploads' | 'bytes'>

/** The tally at the start of a run. */
export const NOTHING: Tally = { manifests: 0, blobs: 0, uploads: 0, bytes: 0 }

/** Creates the records of collections. */
export function createCollections({ orm, transact }: Database) {
  const newest = () => orm.select().from(collections).orderBy(desc(collections.id)).limit(1)
  return {
    /** Inserts a running collection. Returns its id. */
    start: (startedAt: number): number =>
      transact(() => {
        const inserted = orm
          .insert(collections)
          .values({ startedAt, ...NOTHING })
          .run()
        return Number(inserted.lastInsertRowid)
      }),
    /** Records the end of a run. */
    end: (id: number, end: Tally & Pick<GarbageCollection, 'finishedAt' | 'message'>): void =>
      void transact(() => orm.update(collections).set(end).where(eq(collections.id, id)).run()),
    byId: (id: number) => orm.select().from(collections).where(eq(collections.id, id)).get(),
    /** Returns the newest collection. */
    last: () => newest().get(),
    /** Returns when the newest finished collection ended, whether or not it failed. */
    lastFinish: () => newest().where(isNotNull(collections.finishedAt)).get()?.finishedAt ?? undefined,
    /** Marks the collections that the end of the server interrupted as no longer running. */
    closeInterrupted: (): void =>
      void transact(() =>
        orm
          .update(collections)
          .set({ message: 'the server stopped before the collection finished; the next one continues' })
          .where(and(isNull(collections.finishedAt), isNull(collections.message)))
          .run(),
      ),
  }
}
