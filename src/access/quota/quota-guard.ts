import { desc, inArray, sql } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Database } from '../../db/open.ts'
import { quotas } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { NamespaceRuleError } from '../right/errors.ts'
import { DEFAULT_QUOTA, exceededText, type HeldResource, NO_LIMITS, type QuotaLimits } from './quota.ts'
import { createQuotaUsage } from './quota-usage.ts'

/** Refuses what would exceed the quota of a namespace, for every caller. */
export type QuotaGuard = ReturnType<typeof createQuotaGuard>

/** At least what a namespace holds: removals are not subtracted until the next count. */
interface Bound {
  used: number
  /** The transaction that has added to it and has not committed: a later one counts again. */
  uncommitted: Transaction | null
}

/** Namespaces and resources whose use is remembered. */
const MAX_BOUNDS = 10_000

const guards = new WeakMap<Database, QuotaGuard>()

/** Returns the guard of a database: the rooms that add to a namespace share what is known of its use. */
export function quotaGuardOf(db: Database): QuotaGuard {
  const known = guards.get(db)
  if (known) return known
  const guard = createQuotaGuard(db)
  guards.set(db, guard)
  return guard
}

function createQuotaGuard(db: Database) {
  const usage = createQuotaUsage(db)
  const { streams, tags, bytes, requestsPerHour } = quotas
  const limits = db.orm
    .select({ streams, tags, bytes, requestsPerHour })
    .from(quotas)
    .where(inArray(quotas.namespace, [sql.placeholder('namespace'), DEFAULT_QUOTA]))
    // `*` sorts before every name
    .orderBy(desc(quotas.namespace))
    .limit(1)
    .prepare()
  const bounds = new LRUCache<string, Bound>({ max: MAX_BOUNDS })

  const knownLimits = new LRUCache<string, QuotaLimits>({ max: MAX_BOUNDS })

  const limitsOf = (namespace: string): QuotaLimits => {
    const known = knownLimits.get(namespace)
    if (known) return known
    const read = limits.get({ namespace }) ?? NO_LIMITS
    knownLimits.set(namespace, read)
    return read
  }

  /** Returns the bound to which the amount may be added; counts where an earlier bound does not allow it. */
  const boundWithRoom = (
    namespace: string,
    resource: HeldResource,
    { added, limit, tx }: { readonly added: number; readonly limit: number; readonly tx: Transaction | null },
  ): Bound => {
    const key = `${resource} ${namespace}`
    const known = bounds.get(key)
    const isCurrent = known !== undefined && (known.uncommitted === null || known.uncommitted === tx)
    if (isCurrent && known.used + added <= limit) return known
    const used = usage[resource](namespace)
    if (used + added > limit) {
      const text = exceededText(namespace, { resource, used, limit, added })
      throw new NamespaceRuleError(text, 'QuotaExceeded')
    }
    const counted = { used, uncommitted: null }
    bounds.set(key, counted)
    return counted
  }

  return {
    /** Returns the limits that apply to the namespace: its own, else the default. */
    limitsOf,
    usage,
    /** Records that the transaction changes limits, which are remembered. */
    limitsChange(tx: Transaction): void {
      knownLimits.clear()
      tx.afterCommit(() => knownLimits.clear())
    },

    /**
     * Takes an amount from the quota, for what the transaction adds next. Returns without reading the amount where there is no
     * limit. A count is needed once, and again when what was added since then reaches the limit. Throws NamespaceRuleError.
     */
    take(tx: Transaction, namespace: string, resource: HeldResource, amount: () => number = () => 1): void {
      const limit = limitsOf(namespace)[resource]
      if (limit === null) {
        bounds.delete(`${resource} ${namespace}`)
        return
      }
      const added = amount()
      if (added === 0) return
      const bound = boundWithRoom(namespace, resource, { added, limit, tx })
      bound.used += added
      if (bound.uncommitted === tx) return
      bound.uncommitted = tx
      tx.afterCommit(() => {
        bound.uncommitted = null
      })
    },

    /** Throws NamespaceRuleError if the amount, which is read only where there is a limit and is not added yet, exceeds the quota. */
    require(namespace: string, resource: HeldResource, amount: () => number): void {
      const limit = limitsOf(namespace)[resource]
      if (limit !== null) boundWithRoom(namespace, resource, { added: amount(), limit, tx: null })
    },
  }
}
