import { and, desc, eq, isNotNull, isNull } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { collections } from '../../db/tables/index.ts'

/**
 * A run of the garbage collection. `finishedAt` is null while it runs and after it was stopped; `message`, the reason why
 * it did not do all of its work, is null while it runs and after it did. `bytes` is the freed disk space.
 */
export type Collection = typeof collections.$inferSelect

/** What a run has removed so far. */
export type Tally = Pick<Collection, 'manifests' | 'blobs' | 'uploads' | 'bytes'>

export interface Collections {
  /** Inserts a running collection. Returns its id. */
  start(at: number): number
  /** Records the end of a run. */
  end(id: number, end: Tally & Pick<Collection, 'finishedAt' | 'message'>): void
  byId(id: number): Collection | undefined
  /** Returns the newest collection. */
  last(): Collection | undefined
  /** Returns when the newest finished collection ended, whether or not it failed. */
  lastFinish(): number | undefined
  /** Records of collections that the end of the server interrupted that they no longer run. */
  closeInterrupted(): void
}

export function createCollections(db: Database): Collections {
  const { orm } = db
  const newest = () => orm.select().from(collections).orderBy(desc(collections.id)).limit(1)
  return {
    start: (startedAt) =>
      db.transact(() => {
        const empty = { manifests: 0, blobs: 0, uploads: 0, bytes: 0 }
        return Number(
          orm
            .insert(collections)
            .values({ startedAt, ...empty })
            .run().lastInsertRowid,
        )
      }),
    end: (id, end) =>
      void db.transact(() => orm.update(collections).set(end).where(eq(collections.id, id)).run()),
    byId: (id) => orm.select().from(collections).where(eq(collections.id, id)).get(),
    last: () => newest().get(),
    lastFinish: () => newest().where(isNotNull(collections.finishedAt)).get()?.finishedAt ?? undefined,
    closeInterrupted: () =>
      void db.transact(() =>
        orm
          .update(collections)
          .set({ message: 'the server stopped before the collection finished; the next one continues' })
          .where(and(isNull(collections.finishedAt), isNull(collections.message)))
          .run(),
      ),
  }
}
