import { count, eq } from 'drizzle-orm'
import { isInNamespaces } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { quotas as table } from '../../db/tables/index.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace } from '../../input/names.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { AuditRecorder } from '../audit/audit-log.ts'
import { namespacesOf, readsIn, requireRead, requireServerAdmin, type Viewer } from '../right/viewer.ts'
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
  /** Runs after the commit that set limits. */
  readonly onSet: () => void
}

/** Creates the reads and writes of quotas. Server admins write them; admins of a namespace read theirs. */
export function createQuotas({ db, audit, requestHours, now, onSet }: QuotasDependencies) {
  const { orm } = db
  const { usage, limitsChange } = quotaGuardOf(db)

  const rowOf = (namespace: string) => orm.select().from(table).where(eq(table.namespace, namespace)).get()

  /** Returns the limits that apply to the namespace. */
  const of = (namespace: string): Quota => {
    const row = rowOf(namespace)
    if (row) return { ...row, isOwn: true }
    const { updatedAt = null, ...limits } = (namespace !== DEFAULT_QUOTA && rowOf(DEFAULT_QUOTA)) || NO_LIMITS
    return { ...limits, namespace, updatedAt, isOwn: false }
  }

  const isReadable = (viewer: Viewer) => isInNamespaces(table.namespace, namespacesOf(viewer, 'grant', null))

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
        limitsChange(tx)
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
        tx.afterCommit(onSet)
        return of(namespace)
      })
    },

    /** Returns the limits that apply to the namespace. Throws ForbiddenError, UnauthenticatedError. */
    appliedTo(viewer: Viewer, namespace: string): Quota {
      requireRead(viewer, 'grant', namespace)
      return of(namespace)
    },

    /** Returns the limits that apply to the namespace; undefined for a viewer who may not read them. */
    byNamespace: (viewer: Viewer, namespace: string): Quota | undefined =>
      readsIn(viewer, 'grant', namespace) ? of(namespace) : undefined,

    /** Returns a page of the stored quotas that the viewer may read, by namespace, which is its key. */
    page(viewer: Viewer, page: KeysetPage): Quota[] {
      const list = { columns: [table.namespace], where: isReadable(viewer) }
      const rows = rowsOfPage(orm.select().from(table).$dynamic(), page, list)
      return rows.map((row) => ({ ...row, isOwn: true }))
    },

    count: (viewer: Viewer): number =>
      orm.select({ total: count() }).from(table).where(isReadable(viewer)).get()?.total ?? 0,

    /** Returns what the namespace holds. */
    usage,
    /** Returns the requests to other registries of this hour, since the server was started. */
    requests: requestHours.used,
  }
}

function checkLimit(field: string, limit: number | null): void {
  if (limit === null || (Number.isSafeInteger(limit) && limit >= 0)) return
  throw new InvalidInputError(field, `${field} must be a whole number from 0 on, or null for no limit`)
}
