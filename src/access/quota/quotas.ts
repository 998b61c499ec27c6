import { and, count, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { pageBy } from '../../db/page.ts'
import { quotas as table } from '../../db/tables/index.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace } from '../../input/names.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { AuditRecorder } from '../audit/audit-log.ts'
import { requireServerAdmin, type Viewer } from '../right/viewer.ts'
import { DEFAULT_QUOTA, NO_LIMITS, type QuotaLimits } from './quota.ts'
import { quotaGuardOf } from './quota-guard.ts'
import type { RequestHours } from './request-hours.ts'

/** Stored quotas, and how much of them is used. */
export type Quotas = ReturnType<typeof createQuotas>

/** The limits that apply to a namespace; those of the namespace `*` apply to all without limits of their own. */
export interface Quota extends QuotaLimits {
  readonly namespace: string
  /** When the limits were last set; null where none are. */
  readonly updatedAt: number | null
  /** False where the limits are those of the namespace `*`, or none. */
  readonly isOwn: boolean
}

interface QuotasDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly requestHours: RequestHours
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Creates the reads and writes of quotas. Server admins write them; admins of a namespace read theirs. */
export function createQuotas({ db, audit, requestHours, now }: QuotasDependencies) {
  const { orm } = db
  const { usage } = quotaGuardOf(db)

  const rowOf = (namespace: string) => orm.select().from(table).where(eq(table.namespace, namespace)).get()

  /** Returns the limits that apply to the namespace. */
  const of = (namespace: string): Quota => {
    const row = rowOf(namespace)
    if (row) return { ...row, isOwn: true }
    const { updatedAt = null, ...limits } = (namespace !== DEFAULT_QUOTA && rowOf(DEFAULT_QUOTA)) || NO_LIMITS
    return { ...limits, namespace, updatedAt, isOwn: false }
  }

  /** Returns the condition of the quotas that the viewer may read; undefined for all. */
  const isReadable = ({ rights }: Viewer) => {
    const namespaces = rights.isServerAdmin ? null : rights.namespacesWith('grant')
    if (namespaces === null) return undefined
    return sql`${table.namespace} in (select value from json_each(${JSON.stringify(namespaces)}))`
  }

  return {
    /**
     * Sets the limits of a namespace, or of all without limits of their own (`*`); null removes them. What is there already
     * stays. Throws InvalidInputError, ForbiddenError, UnauthenticatedError.
     */
    set(viewer: Viewer, namespace: string, limits: QuotaLimits | null): Quota {
      requireServerAdmin(viewer)
      if (namespace !== DEFAULT_QUOTA) checkNamespace(namespace)
      for (const [name, limit] of Object.entries(limits ?? {})) checkLimit(name, limit)
      return db.transact((tx) => {
        if (limits === null) orm.delete(table).where(eq(table.namespace, namespace)).run()
        else {
          const { streams, tags, bytes, requestsPerHour } = limits
          const set = { streams, tags, bytes, requestsPerHour, updatedAt: now() }
          orm
            .insert(table)
            .values({ namespace, ...set })
            .onConflictDoUpdate({ target: table.namespace, set })
            .run()
        }
        const target = `quota of ${namespace}`
        const audited = { action: 'setQuota', namespace: namespace === DEFAULT_QUOTA ? null : namespace }
        audit.record(tx, viewer, { ...audited, target, details: { limits } })
        return of(namespace)
      })
    },

    /** Returns the limits that apply to the namespace; undefined for a viewer who may not read them. */
    byNamespace: (viewer: Viewer, namespace: string): Quota | undefined =>
      mayRead(viewer, namespace) ? of(namespace) : undefined,

    /** Returns a page of the stored quotas that the viewer may read, by namespace, which is its key. */
    page(viewer: Viewer, keyset: KeysetPage): Quota[] {
      const page = pageBy([table.namespace], keyset)
      const rows = orm
        .select()
        .from(table)
        .where(and(isReadable(viewer), page.where))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .all()
      return page.inOrder(rows).map((row) => ({ ...row, isOwn: true }))
    },

    count: (viewer: Viewer): number =>
      orm.select({ total: count() }).from(table).where(isReadable(viewer)).get()?.total ?? 0,

    /** Returns what the namespace holds. */
    usage,
    /** Returns the requests to other registries of this hour, since the server was started. */
    requests: requestHours.used,
  }
}

const mayRead = ({ rights }: Viewer, namespace: string): boolean =>
  namespace === DEFAULT_QUOTA ? rights.isServerAdmin : rights.mayInNamespace('grant', namespace)

function checkLimit(field: string, limit: number | null): void {
  if (limit === null || (Number.isSafeInteger(limit) && limit >= 0)) return
  throw new InvalidInputError(field, `${field} must be a whole number from 0 on, or null for no limit`)
}
