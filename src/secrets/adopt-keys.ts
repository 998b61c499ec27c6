import { boundTo } from '../credentials/registry-credentials.ts'
import type { Database } from '../db/open.ts'
import type { registryCredentials } from '../db/tables/access.ts'
import { formatPrefix } from '../logins/registry-login.ts'
import { BrokenSealError, SealingKeyError } from './errors.ts'
import type { Sealed, Sealer } from './sealer.ts'

type Row = typeof registryCredentials.$inferSelect

/** Something sealed, where it is kept. */
export interface Deposit {
  /** For messages: `the credential of team for quay.io`. */
  readonly name: string
  readonly sealed: Sealed
  readonly boundTo: readonly string[]
  /** Keeps the same secret, sealed anew. */
  replace(sealed: Sealed): void
}

/** A place where sealed things are kept. */
export interface Vault {
  /** What one of them is called: `registry credential`. */
  readonly noun: string
  /** How many there are of each key. */
  keys(): readonly { readonly keyId: string; readonly count: number }[]
  /** What is sealed with other keys than this one. */
  sealedByOthers(keyId: string): readonly Deposit[]
  /** Deletes what is sealed with the key, and says how many that were. */
  forget(keyId: string): number
}

export interface AdoptKeys {
  readonly db: Database
  readonly sealer: Sealer
  readonly vaults: readonly Vault[]
  /** What the keys are called in messages: `the key file /data/credentials.key`. */
  readonly source: string
  /** The id of a key that is lost for good: what is sealed with it is deleted. */
  readonly lost: string | null
}

/** What was done at a start with what is stored. */
export interface AdoptedKeys {
  /** Secrets that are sealed with the first key from now on. */
  readonly resealed: number
  /** Secrets that nobody could have opened any more. */
  readonly forgotten: number
}

/**
 * Seals with the first key what is sealed with another, all of it in one commit. Throws SealingKeyError when a key is
 * missing or something does not open with its key; then nothing was written, and nothing is lost.
 */
export function adoptKeys({ db, sealer, vaults, source, lost }: AdoptKeys): AdoptedKeys {
  const isLost = lost !== null && !sealer.keyIds.has(lost)
  return db.transact(() => {
    let [resealed, forgotten] = [0, 0]
    for (const vault of vaults) {
      if (isLost) forgotten += vault.forget(lost)
      for (const { keyId, count } of vault.keys()) {
        if (!sealer.keyIds.has(keyId)) throw missing({ keyId, count, noun: vault.noun }, source)
      }
      for (const deposit of vault.sealedByOthers(sealer.keyId)) {
        deposit.replace(sealer.seal(openOrRefuse(sealer, deposit), deposit.boundTo))
        resealed += 1
      }
    }
    return { resealed, forgotten }
  })
}

/** The credentials of namespaces. */
export function credentialVault(db: Database): Vault {
  const remove = db.prepare('delete from registry_credentials where key_id = ?')
  const keys = db.prepare<{ keyId: string; count: number }>(
    'select key_id as keyId, count(*) as count from registry_credentials group by key_id order by key_id',
  )
  const others = db.prepare<Row>(
    `select id, namespace, registry, path, kind, username, key_id as keyId, sealed
     from registry_credentials where key_id <> ? order by id`,
  )
  const reseal = db.prepare('update registry_credentials set key_id = ?, sealed = ? where id = ?')
  return {
    noun: 'registry credential',
    keys: () => keys.all(),
    sealedByOthers: (keyId) =>
      others.all(keyId).map((row) => ({
        name: `the credential of ${row.namespace} for ${formatPrefix(row)}`,
        sealed: { keyId: row.keyId, bytes: row.sealed },
        boundTo: boundTo(row),
        replace: (sealed) => void reseal.run(sealed.keyId, sealed.bytes, row.id),
      })),
    forget: (keyId) => remove.run(keyId).changes,
  }
}

const missing = ({ keyId, count, noun }: { keyId: string; count: number; noun: string }, source: string) =>
  new SealingKeyError(
    `${count} ${noun}${count === 1 ? ' is' : 's are'} sealed with the key ${keyId}, ` +
      `which is not in ${source}; nothing was changed. Put it back there, on a line of its own behind the key that ` +
      `is to seal from now on. If it is lost, start once with --lost-credentials-key ${keyId}, which deletes what ` +
      'nobody can open any more',
  )

function openOrRefuse(sealer: Sealer, { name, sealed, boundTo }: Deposit): string {
  try {
    return sealer.open(sealed, boundTo)
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    throw new SealingKeyError(
      `${name} cannot be sealed with a new key, ${error.message}; nothing was changed. ` +
        'Start with the old key first, and set or delete it',
    )
  }
}
