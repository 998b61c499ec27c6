import { and, eq, lt } from 'drizzle-orm'
import { verifications as table } from '../../db/tables/trust.ts'
import {
  type CachedImageKey,
  type CacheTableDependencies,
  KEEP_FOR,
  writeCache,
} from '../referrer/cache-table.ts'
import type { Verification, VerificationOutcome } from './verification.ts'

/** An outcome that was stored. */
export interface CachedVerification {
  readonly outcome: VerificationOutcome
  /** Identifies the signatures that the outcome depends on. */
  readonly basis: string
  /** Milliseconds since 1970. */
  readonly checkedAt: number
}

export interface VerificationKey extends CachedImageKey {
  readonly policyVersion: string
}

/** The cached outcomes of verifications. */
export class CachedVerifications {
  readonly #dependencies: CacheTableDependencies

  constructor(dependencies: CacheTableDependencies) {
    this.#dependencies = dependencies
  }

  find({ namespace, repository, digest, policyVersion }: VerificationKey): CachedVerification | undefined {
    const row = this.#dependencies.db.orm
      .select()
      .from(table)
      .where(
        and(
          eq(table.namespace, namespace),
          eq(table.repository, repository),
          eq(table.digest, digest),
          eq(table.policyVersion, policyVersion),
        ),
      )
      .get()
    if (!row) return undefined
    const { basis, checkedAt, validUntil } = row
    return { outcome: { ...(JSON.parse(row.outcome) as VerificationOutcome), validUntil }, basis, checkedAt }
  }

  /** Saves an outcome, and deletes old rows. */
  save(key: VerificationKey, { outcome, basis, checkedAt }: CachedVerification): void {
    const { orm } = this.#dependencies.db
    const columns = { outcome: JSON.stringify(outcome), basis, validUntil: outcome.validUntil, checkedAt }
    writeCache(this.#dependencies, () => {
      orm
        .insert(table)
        .values({ ...key, ...columns })
        .onConflictDoUpdate({
          target: [table.namespace, table.repository, table.digest, table.policyVersion],
          set: columns,
        })
        .run()
      orm
        .delete(table)
        .where(lt(table.checkedAt, checkedAt - KEEP_FOR))
        .run()
    })
  }
}

/** Returns the verification in a cached outcome. */
export const verificationOf = ({
  outcome: { validUntil: _, ...outcome },
  checkedAt,
}: Pick<CachedVerification, 'outcome' | 'checkedAt'>): Verification => ({ ...outcome, checkedAt })
