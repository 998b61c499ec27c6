import { and, desc, eq, gte, lt, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { auditEntries } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import { readsIn, requireRead, requireServerAdmin, type Viewer } from '../right/viewer.ts'
import type { AuditEntry } from './audit-entry.ts'

/** Selects entries; undefined selects all. */
export interface AuditFilter {
  readonly namespace?: string | undefined
  readonly principal?: string | undefined
  readonly action?: string | undefined
  readonly outcome?: AuditEntry['outcome'] | undefined
  /** First time that is included, in milliseconds since 1970. */
  readonly from?: number | undefined
  /** First time that is not included, in milliseconds since 1970. */
  readonly until?: number | undefined
}

/** Creates the reads of entries: admins of a namespace read those of their namespace, server admins all. */
export function createAuditReads({ orm }: Database) {
  const { sequence, at, namespace, principal, action, outcome } = auditEntries
  const timeOf = orm
    .select({ at })
    .from(auditEntries)
    .where(eq(sequence, sql.placeholder('sequence')))
    .prepare()
  const newest = orm.select({ sequence }).from(auditEntries).orderBy(desc(sequence)).limit(1).prepare()

  /** Returns the number of the first entry at a time or later; one more than the newest for none. */
  const firstAt = (time: number): number => {
    let low = 1
    let high = (newest.get()?.sequence ?? 0) + 1
    // times are in the order of the entries
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((timeOf.get({ sequence: middle })?.at ?? 0) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  const condition = (filter: AuditFilter) =>
    and(
      filter.namespace === undefined ? undefined : eq(namespace, filter.namespace),
      filter.principal === undefined ? undefined : eq(principal, filter.principal),
      filter.action === undefined ? undefined : eq(action, filter.action),
      filter.outcome === undefined ? undefined : eq(outcome, filter.outcome),
      filter.from === undefined ? undefined : gte(sequence, firstAt(filter.from)),
      filter.until === undefined ? undefined : lt(sequence, firstAt(filter.until)),
    )

  return {
    /** Returns a page, newest first; its keys are [sequence]. Throws ForbiddenError, UnauthenticatedError. */
    page(viewer: Viewer, filter: AuditFilter, page: KeysetPage): AuditEntry[] {
      requireAudit(viewer, filter)
      const list = { columns: [sequence], where: condition(filter), descending: true }
      return rowsOfPage(orm.select().from(auditEntries).$dynamic(), page, list)
    },

    /** Returns the number of entries. Throws as `page`. */
    count(viewer: Viewer, filter: AuditFilter): number {
      requireAudit(viewer, filter)
      const counted = orm.select({ count: sql<number>`count(*)` }).from(auditEntries).where(condition(filter))
      return counted.get()?.count ?? 0
    },

    /** Returns an entry; undefined for a number without one, and for one that the viewer may not read. */
    bySequence(viewer: Viewer, number: number): AuditEntry | undefined {
      const entry = orm.select().from(auditEntries).where(eq(sequence, number)).get()
      if (!entry || viewer.rights.isServerAdmin) return entry
      return entry.namespace !== null && readsIn(viewer, 'grant', entry.namespace) ? entry : undefined
    },
  }
}

/** Entries of several namespaces, but not of all, would be searched in the whole log. */
function requireAudit(viewer: Viewer, { namespace }: AuditFilter): void {
  if (namespace === undefined) requireServerAdmin(viewer)
  else requireRead(viewer, 'grant', namespace)
}
