import { and, count, desc, eq, isNotNull, isNull, lt, type SQL } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { storageFindings } from '../db/tables/index.ts'

/** Content that was found damaged or lost, and what became of it. */
export type StorageFinding = typeof storageFindings.$inferSelect

/** What is found. */
export type NewFinding = Pick<StorageFinding, 'content' | 'digest' | 'size' | 'problem'>

/** Findings of a list. */
const MAX_LISTED = 1_000
/** Milliseconds for which findings that ended are kept. */
const KEPT_FOR = 365 * 24 * 60 * 60 * 1_000

const { id, content, digest, endedAt, problem } = storageFindings

/** Creates the records of findings. */
export function createFindings({ orm, transact }: Database) {
  const isOpen = isNull(endedAt)
  const select = (where: SQL) =>
    orm.select().from(storageFindings).where(where).orderBy(desc(id)).limit(MAX_LISTED).all()
  const openOf = (of: Pick<StorageFinding, 'content' | 'digest'>): StorageFinding | undefined =>
    orm
      .select()
      .from(storageFindings)
      .where(and(isOpen, eq(content, of.content), eq(digest, of.digest)))
      .get()
  return {
    /** Returns the finding of this content that has not ended. */
    openOf,
    /** Stores a finding, once until it ends. Returns it, and whether it is new. */
    record: (found: NewFinding, at: number): { finding: StorageFinding; isNew: boolean } =>
      transact(() => {
        const known = openOf(found)
        if (known) return { finding: known, isNew: false }
        const values = { ...found, foundAt: at }
        return { finding: orm.insert(storageFindings).values(values).returning().get(), isNew: true }
      }),
    update: (finding: Pick<StorageFinding, 'id'>, changes: Partial<StorageFinding>): void =>
      void transact(() => orm.update(storageFindings).set(changes).where(eq(id, finding.id)).run()),
    /** Returns the findings that have not ended, newest first; at most 1,000. */
    open: (): StorageFinding[] => select(isOpen),
    /** Returns those that have not ended, then those that have, newest first; at most 1,000. */
    all: (): StorageFinding[] => [...select(isOpen), ...select(isNotNull(endedAt))].slice(0, MAX_LISTED),
    /** Returns the numbers of findings that have not ended, by problem. */
    counts: (): Map<StorageFinding['problem'], number> => {
      const rows = orm
        .select({ problem, total: count() })
        .from(storageFindings)
        .where(isOpen)
        .groupBy(problem)
        .all()
      return new Map(rows.map((row) => [row.problem, row.total]))
    },
    dropOld: (at: number): void =>
      void transact(() =>
        orm
          .delete(storageFindings)
          .where(lt(endedAt, at - KEPT_FOR))
          .run(),
      ),
  }
}
