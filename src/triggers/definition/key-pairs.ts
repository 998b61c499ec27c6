import { randomBytes } from 'node:crypto'
import { desc, lt } from 'drizzle-orm'
import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireServerAdmin, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { triggerKeyPairs as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Vault } from '../../secrets/rotate-keys.ts'
import { openNamed, type SealedSecret, type Sealer } from '../../secrets/sealer.ts'
import { privateKeyOf, publicKeyText, type SignatureKey } from '../content/signature.ts'

/** A pair of keys whose private half signs requests of triggers. */
interface KeyPair {
  readonly signature: SignatureKey
  /** `whpk_…` */
  readonly publicKey: string
}

interface KeyPairsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  readonly audit: AuditRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Bytes of a private key. */
const SEED_BYTES = 32
/** Pairs that sign at the same time: receivers take the newer public key while the older still verifies. */
const MOST = 2
const BOUND_TO = ['trigger key pair']

/** Describes the sealed private keys. */
export const keyPairVault = ({ orm }: Pick<Database, 'orm'>): Vault => ({
  noun: 'key pair of triggers',
  table,
  secrets: (where) => orm.select().from(table).where(where).orderBy(table.id).all().map(sealedSecretOf),
})

/** Creates the access to the key pairs of this server, of which the first is made when it is needed. */
export function createKeyPairs({ db, sealer, audit, now }: KeyPairsDependencies) {
  const { orm } = db
  let known: readonly KeyPair[] | undefined

  /** Adds a pair, and deletes all but the newest ones. */
  const add = (_tx: Transaction, kept: number): void => {
    const seed = randomBytes(SEED_BYTES).toString('base64')
    const { keyId, bytes } = sealer.seal(seed, BOUND_TO)
    const { id } = orm.insert(table).values({ keyId, sealed: bytes, createdAt: now() }).returning().get()
    orm
      .delete(table)
      .where(lt(table.id, id - kept + 1))
      .run()
  }
  const read = (): KeyPair[] =>
    orm
      .select()
      .from(table)
      .orderBy(desc(table.id))
      .limit(MOST)
      .all()
      .map((row) => {
        const privateKey = privateKeyOf(Buffer.from(openNamed(sealer, sealedSecretOf(row)), 'base64'))
        return { signature: { kind: 'PAIR', privateKey }, publicKey: publicKeyText(privateKey) }
      })
  const all = (): readonly KeyPair[] => {
    known ??= db.transact((tx) => {
      if (!orm.select({ id: table.id }).from(table).limit(1).get()) add(tx, 1)
      return read()
    })
    return known
  }

  return {
    /** Returns the keys that sign, the newest first. Throws BrokenSealError. */
    signing: (): SignatureKey[] => all().map(({ signature }) => signature),

    /** Returns `whpk_…` of each pair, the newest first, at most two. Throws BrokenSealError. */
    publicKeys: (): string[] => all().map(({ publicKey }) => publicKey),

    /** Adds a new pair, beside the one before it unless `dropOld`. Returns the public keys. Throws ForbiddenError, UnauthenticatedError. */
    rotate(viewer: Viewer, dropOld: boolean): string[] {
      requireServerAdmin(viewer)
      all()
      db.transact((tx) => {
        add(tx, dropOld ? 1 : MOST)
        audit.record(tx, viewer, { action: 'rotateWebhookKey', namespace: null, target: 'webhook key' })
      })
      known = undefined
      return all().map(({ publicKey }) => publicKey)
    },
  }
}

const sealedSecretOf = ({ id, keyId, sealed }: typeof table.$inferSelect): SealedSecret => ({
  id,
  name: 'the key pair that signs requests of triggers',
  sealed: { keyId, bytes: sealed },
  boundTo: BOUND_TO,
})
