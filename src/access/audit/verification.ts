import { eq, gt } from 'drizzle-orm'
import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { auditEntries } from '../../db/tables/index.ts'
import { requireServerAdmin, type Viewer } from '../right/viewer.ts'
import { FIRST_HASH, hashOf } from './audit-entry.ts'

/** The number of an entry and its hash, which fix all entries up to it. */
export interface AuditPosition {
  readonly sequence: number
  readonly hash: Uint8Array
}

/** The result of comparing entries with their hashes. */
export interface AuditVerification {
  /** Entries whose hashes were compared. */
  readonly checkedCount: number
  /** The last entry that is as it was written; undefined where no entry is. */
  readonly last: AuditPosition | undefined
  /** Number of the first entry that was changed or is missing; null where every checked entry is as it was written. */
  readonly brokenAt: number | null
  /** Whether later entries are left to check, after `last`. */
  readonly hasMore: boolean
}

/** Entries between two turns of the event loop: about a millisecond's worth. */
const SLICE = 100
/** Entries that one call checks. */
const MAX_CHECKED = 50_000

/** Creates the verification of the chain of hashes. */
export function createAuditVerification({ orm }: Database) {
  const { sequence, hash } = auditEntries
  const hashAt = (number: number) =>
    orm.select({ hash }).from(auditEntries).where(eq(sequence, number)).get()?.hash
  const entriesAfter = (number: number) =>
    orm.select().from(auditEntries).where(gt(sequence, number)).orderBy(sequence).limit(SLICE).all()

  /**
   * Compares up to 50,000 entries after a position with their hashes; from the first entry on without a position. The position
   * of an earlier verification, kept elsewhere, shows also that its entries were not replaced since, and that the newest
   * ones were not removed. Throws ForbiddenError, UnauthenticatedError.
   */
  return async (
    viewer: Viewer,
    after?: AuditPosition,
    limit: number = MAX_CHECKED,
  ): Promise<AuditVerification> => {
    requireServerAdmin(viewer)
    const known = after && hashAt(after.sequence)
    if (after && !(known && Buffer.compare(known, after.hash) === 0)) {
      return { checkedCount: 0, last: undefined, brokenAt: after.sequence, hasMore: false }
    }
    let last = after
    for (let checkedCount = 0; ; ) {
      await turnToRead()
      const entries = entriesAfter(last?.sequence ?? 0)
      for (const entry of entries) {
        const next: number = (last?.sequence ?? 0) + 1
        if (entry.sequence !== next || !isAsWritten(entry, last)) {
          return { checkedCount, last, brokenAt: next, hasMore: false }
        }
        last = { sequence: next, hash: entry.hash }
        checkedCount += 1
      }
      const isEnd = entries.length < SLICE
      if (isEnd || checkedCount >= limit) return { checkedCount, last, brokenAt: null, hasMore: !isEnd }
    }
  }
}

const isAsWritten = (entry: typeof auditEntries.$inferSelect, previous: AuditPosition | undefined): boolean =>
  Buffer.compare(hashOf(entry, previous?.hash ?? FIRST_HASH), entry.hash) === 0
