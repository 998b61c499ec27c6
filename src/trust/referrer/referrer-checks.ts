import { and, eq, lt } from 'drizzle-orm'
import { referrerChecks as table } from '../../db/tables/trust.ts'
import type { ReadFailure } from './artifact-reader.ts'
import { type CachedImageKey, type CacheTableDependencies, KEEP_FOR, writeCache } from './cache-table.ts'

type ReferrerCheckRow = typeof table.$inferSelect

/** The last lookup of an image's referrers. */
export type ReferrerCheck = Omit<ReferrerCheckRow, 'id' | keyof ReferrerCheckKey>

export interface ReferrerCheckKey extends CachedImageKey {
  /** Empty for all artifact types. */
  readonly artifactType: string
}

/** The cached lookups of referrers. Times are in milliseconds since 1970. */
export class ReferrerChecks {
  readonly #dependencies: CacheTableDependencies

  constructor(dependencies: CacheTableDependencies) {
    this.#dependencies = dependencies
  }

  find(key: ReferrerCheckKey): ReferrerCheck | undefined {
    const { found, isComplete, checkedAt, triedAt, reason, message } = table
    const columns = { found, isComplete, checkedAt, triedAt, reason, message }
    return this.#orm.select(columns).from(table).where(hasKey(key)).get()
  }

  /** Saves a successful lookup, and deletes old rows. Returns the saved check. */
  saveFound(key: ReferrerCheckKey, found: string, isComplete: boolean, now: number): ReferrerCheck {
    const check: ReferrerCheck = {
      found,
      isComplete: isComplete ? 1 : 0,
      checkedAt: now,
      triedAt: now,
      reason: null,
      message: null,
    }
    writeCache(this.#dependencies, () => {
      this.#upsert(key, check, check)
      this.#orm
        .delete(table)
        .where(lt(table.triedAt, now - KEEP_FOR))
        .run()
    })
    return check
  }

  /** Saves a failed lookup; an earlier result stays. Returns the saved check. */
  saveFailure(key: ReferrerCheckKey, { reason, message }: ReadFailure, now: number): ReferrerCheck {
    const change = { triedAt: now, reason, message }
    const check = { ...(this.find(key) ?? NEVER_FOUND), ...change }
    writeCache(this.#dependencies, () => this.#upsert(key, check, change))
    return check
  }

  #upsert(key: ReferrerCheckKey, check: ReferrerCheck, change: Partial<ReferrerCheck>): void {
    this.#orm
      .insert(table)
      .values({ ...key, ...check })
      .onConflictDoUpdate({
        target: [table.namespace, table.repository, table.digest, table.artifactType],
        set: change,
      })
      .run()
  }

  get #orm() {
    return this.#dependencies.db.orm
  }
}

const NEVER_FOUND = { found: null, isComplete: 0, checkedAt: null } as const

const hasKey = ({ namespace, repository, digest, artifactType }: ReferrerCheckKey) =>
  and(
    eq(table.namespace, namespace),
    eq(table.repository, repository),
    eq(table.digest, digest),
    eq(table.artifactType, artifactType),
  )
