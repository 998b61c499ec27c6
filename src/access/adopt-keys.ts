import type { registryCredentials } from '../db/access-tables.ts'
import type { Database } from '../db/open.ts'
import { formatPrefix } from '../oci/registry-login.ts'
import { BrokenSealError, SealingKeyError } from './errors.ts'
import { boundTo } from './registry-credentials.ts'
import type { Sealer } from './sealer.ts'

type Row = typeof registryCredentials.$inferSelect

export interface AdoptKeys {
  readonly db: Database
  readonly sealer: Sealer
  /** What the keys are called in messages: `the key file /data/credentials.key`. */
  readonly source: string
  /** The id of a key that is lost for good: what is sealed with it is deleted. */
  readonly lost: string | null
}

/** What was done at a start with what is stored. */
export interface AdoptedKeys {
  /** Credentials that are sealed with the first key from now on. */
  readonly resealed: number
  /** Credentials that nobody could have opened any more. */
  readonly forgotten: number
}

/**
 * Seals with the first key what is sealed with another, all of it in one commit. Throws SealingKeyError when a key is
 * missing or something does not open with its key; then nothing was written, and nothing is lost.
 */
export function adoptKeys({ db, sealer, source, lost }: AdoptKeys): AdoptedKeys {
  const remove = db.prepare('delete from registry_credentials where key_id = ?')
  const keys = db.prepare<{ keyId: string; count: number }>(
    'select key_id as keyId, count(*) as count from registry_credentials group by key_id order by key_id',
  )
  const others = db.prepare<Row>(
    `select id, namespace, registry, path, kind, username, key_id as keyId, sealed
     from registry_credentials where key_id <> ? order by id`,
  )
  const reseal = db.prepare('update registry_credentials set key_id = ?, sealed = ? where id = ?')

  return db.transact(() => {
    const isLost = lost !== null && !sealer.keyIds.has(lost)
    const forgotten = isLost ? remove.run(lost).changes : 0
    for (const { keyId, count } of keys.all()) {
      if (!sealer.keyIds.has(keyId)) throw missing(keyId, count, source)
    }
    const rows = others.all(sealer.keyId)
    for (const row of rows) {
      const secret = openOrRefuse(sealer, row)
      const { keyId, bytes } = sealer.seal(secret, boundTo(row))
      reseal.run(keyId, bytes, row.id)
    }
    return { resealed: rows.length, forgotten }
  })
}

const missing = (keyId: string, count: number, source: string) =>
  new SealingKeyError(
    `${count} registry credential${count === 1 ? ' is' : 's are'} sealed with the key ${keyId}, ` +
      `which is not in ${source}; nothing was changed. Put it back there, on a line of its own behind the key that ` +
      `is to seal from now on. If it is lost, start once with --lost-credentials-key ${keyId}, which deletes what ` +
      'nobody can open any more',
  )

function openOrRefuse(sealer: Sealer, row: Row): string {
  try {
    return sealer.open({ keyId: row.keyId, bytes: row.sealed }, boundTo(row))
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    const which = `the credential of ${row.namespace} for ${formatPrefix(row)}`
    throw new SealingKeyError(
      `${which} cannot be sealed with a new key, ${error.message}; nothing was changed. ` +
        'Start with the old key first, and set or delete it',
    )
  }
}
