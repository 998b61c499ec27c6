import type { Database } from '../db/open.ts'
import { BrokenSealError, SealingKeyError } from './errors.ts'
import type { Sealer } from './sealer.ts'
import {
  deleteSealedBy,
  type KeyUse,
  keysInUse,
  replaceSealed,
  type SealedSecret,
  sealedByOtherKeys,
  type Vault,
} from './vault.ts'

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
  const isLost = lost !== null && !sealer.keyIds.has(lost)
  return db.transact(() => {
    let [resealed, deleted] = [0, 0]
    for (const vault of vaults) {
      if (isLost) deleted += deleteSealedBy(db, vault, lost)
      for (const use of keysInUse(db, vault)) {
        if (!sealer.keyIds.has(use.keyId)) throw missingKey(use, vault, source)
      }
      for (const secret of sealedByOtherKeys(vault, sealer.keyId)) {
        replaceSealed(db, vault, secret.id, sealer.seal(openOrRefuse(sealer, secret), secret.boundTo))
        resealed += 1
      }
    }
    return { resealed, deleted }
  })
}

const missingKey = ({ keyId, count }: KeyUse, { noun }: Vault, source: string) =>
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
