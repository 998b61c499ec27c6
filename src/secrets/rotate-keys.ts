import { asc, count, eq, ne, type SQL } from 'drizzle-orm'
import type { AnySQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Database } from '../db/open.ts'
import { BrokenSealError, type SealedSecret, type Sealer } from './sealer.ts'
import { SealingKeyError } from './sealing-key.ts'

/** A table with one sealed secret a row, as its owner describes it. */
export interface Vault {
  /** Noun for one of the secrets in messages: `registry credential`. */
  readonly noun: string
  readonly table: SQLiteTable & {
    readonly id: AnySQLiteColumn<{ data: number; notNull: true }>
    readonly keyId: AnySQLiteColumn<{ data: string; notNull: true }>
    readonly sealed: AnySQLiteColumn<{ data: Uint8Array; notNull: true }>
  }
  /** Returns the secrets of the rows that meet the condition, by id. */
  readonly secrets: (where: SQL) => readonly SealedSecret[]
}

export interface KeyRotation {
  readonly db: Database
  readonly sealer: Sealer
  readonly vaults: readonly Vault[]
  /** Noun for the keys in messages: `the key file /data/credentials.key`. */
  readonly source: string
  /** Id of a key that is lost for good: the secrets that it sealed are deleted. Null for none. */
  readonly lost: string | null
}

/** What a key rotation changed. */
export interface RotatedKeys {
  /** Number of secrets that were sealed again with the first key. */
  readonly resealed: number
  /** Number of deleted secrets, whose key is lost. */
  readonly deleted: number
}

/**
 * Seals all secrets of other keys again with the first key, in one commit. Throws SealingKeyError when a key is missing
 * or a secret does not open with its key; then nothing was written.
 */
export function rotateKeys({ db, sealer, vaults, source, lost }: KeyRotation): RotatedKeys {
  const { orm } = db
  const isLost = lost !== null && !sealer.keyIds.has(lost)
  return db.transact(() => {
    let [resealed, deleted] = [0, 0]
    for (const { noun, table, secrets } of vaults) {
      if (isLost) deleted += orm.delete(table).where(eq(table.keyId, lost)).run().changes
      const missing = orm
        .select({ keyId: table.keyId, count: count() })
        .from(table)
        .groupBy(table.keyId)
        .orderBy(asc(table.keyId))
        .all()
        .find((use) => !sealer.keyIds.has(use.keyId))
      if (missing) throw missingKey(missing, noun, source)
      for (const secret of secrets(ne(table.keyId, sealer.keyId))) {
        const { keyId, bytes } = sealer.seal(openOrRefuse(sealer, secret), secret.boundTo)
        orm.update(table).set({ keyId, sealed: bytes }).where(eq(table.id, secret.id)).run()
        resealed += 1
      }
    }
    return { resealed, deleted }
  })
}

const missingKey = ({ keyId, count }: { keyId: string; count: number }, noun: string, source: string) =>
  new SealingKeyError(
    `${count} ${noun}${count === 1 ? ' is' : 's are'} sealed with the key ${keyId}, ` +
      `which is not in ${source}; nothing was changed. Put that key back on a line of its own, below the key that is ` +
      `to seal from now on. If the key is lost, start once with --lost-credentials-key ${keyId}: ` +
      'that deletes the secrets that it sealed',
  )

function openOrRefuse(sealer: Sealer, { name, sealed, boundTo }: SealedSecret): string {
  try {
    return sealer.open(sealed, boundTo)
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    throw new SealingKeyError(
      `${name} cannot be sealed with a new key: ${error.message}; nothing was changed. ` +
        'Start with the old key first, then set or delete it',
    )
  }
}
