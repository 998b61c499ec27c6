import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import type { Database } from '../../db/open.ts'
import { signingKeys as table } from '../../db/tables/index.ts'
import type { Vault } from '../../secrets/rotate-keys.ts'
import { openNamed, type SealedSecret, type Sealer } from '../../secrets/sealer.ts'

/** A pair of keys for ES256, and the id of the pair. */
export interface TokenSigningKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const BOUND_TO = ['signing key']

/** Describes the sealed keys. */
export const signingKeyVault = ({ orm }: Database): Vault => ({
  noun: 'signing key',
  table,
  secrets: (where) => orm.select().from(table).where(where).orderBy(table.id).all().map(sealedSecretOf),
})

/** Returns the key of this server, which is made and stored sealed at the first start. Throws BrokenSealError. */
export function openSigningKey({
  db,
  sealer,
  now,
}: {
  db: Database
  sealer: Sealer
  now: () => number
}): TokenSigningKey {
  return db.transact(() => {
    const stored = db.orm.select().from(table).limit(1).get()
    if (stored) return keyOf(createPrivateKey(openNamed(sealer, sealedSecretOf(stored))))
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { keyId, bytes } = sealer.seal(pemOf(privateKey), BOUND_TO)
    db.orm.insert(table).values({ keyId, sealed: bytes, createdAt: now() }).run()
    return keyOf(privateKey)
  })
}

const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString()

function keyOf(privateKey: KeyObject): TokenSigningKey {
  const publicKey = createPublicKey(privateKey)
  const encoded = publicKey.export({ format: 'der', type: 'spki' })
  return { id: createHash('sha256').update(encoded).digest('base64url'), privateKey, publicKey }
}

const sealedSecretOf = ({ id, keyId, sealed }: typeof table.$inferSelect): SealedSecret => ({
  id,
  name: 'the key that signs tokens of the registry',
  sealed: { keyId, bytes: sealed },
  boundTo: BOUND_TO,
})
