import { and, desc, eq, gt, inArray, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { receiverSecrets, receivers } from '../db/tables/receiver.ts'
import type { Transaction } from '../db/transact.ts'
import { groupBy } from '../input/maps.ts'
import type { Vault } from '../secrets/rotate-keys.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Receiver } from './receiver.ts'

type SecretRow = typeof receiverSecrets.$inferSelect

/** The lifetime of a valid secret. */
export type SecretLifetime = Pick<SecretRow, 'createdAt' | 'expiresAt'>

export interface ReceiverSecretsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  /** Returns an unpredictable secret. */
  readonly random: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Returns the context that a secret is sealed with: it cannot be opened for another receiver or time. */
const boundTo = (key: string, createdAt: number): string[] => ['webhook secret', key, String(createdAt)]

/** The secrets of receivers. */
export type ReceiverSecrets = ReturnType<typeof createReceiverSecrets>

/** Creates the secrets of receivers. Each has at most two valid ones, so that a rotation interrupts no deliveries. */
export function createReceiverSecrets({ db, sealer, random, now }: ReceiverSecretsDependencies) {
  const { orm } = db

  const newestOf = (receiverId: number): SQL =>
    sql`(select max(id) from webhook_secrets where webhook_id = ${receiverId})`
  const dropOld = (receiverId: number): void => {
    const isOld = and(
      eq(receiverSecrets.receiverId, receiverId),
      lt(receiverSecrets.id, newestOf(receiverId)),
    )
    orm.delete(receiverSecrets).where(isOld).run()
  }
  const validOf = (receiverIds: readonly number[]): SecretRow[] => {
    const isValid = or(isNull(receiverSecrets.expiresAt), gt(receiverSecrets.expiresAt, now()))
    const isOfReceivers = and(inArray(receiverSecrets.receiverId, [...receiverIds]), isValid)
    return orm.select().from(receiverSecrets).where(isOfReceivers).orderBy(desc(receiverSecrets.id)).all()
  }

  return {
    /** Creates a secret. The one before stays valid until a time: null for no limit, 0 for none. Older ones are deleted. */
    issue(_tx: Transaction, { id, key }: Receiver, oldUntil: number | null): string {
      dropOld(id)
      const isNewest = eq(receiverSecrets.id, newestOf(id))
      orm.update(receiverSecrets).set({ expiresAt: oldUntil }).where(isNewest).run()
      const secret = random()
      const createdAt = now()
      const { keyId, bytes } = sealer.seal(secret, boundTo(key, createdAt))
      orm.insert(receiverSecrets).values({ receiverId: id, keyId, sealed: bytes, createdAt }).run()
      return secret
    },

    /** Deletes all but the newest. */
    dropOld: (_tx: Transaction, receiverId: number): void => dropOld(receiverId),

    /** Returns the valid secrets, newest first. Throws as the sealer does. */
    open: ({ id, key }: Receiver): string[] =>
      validOf([id]).map(({ keyId, sealed, createdAt }) =>
        sealer.open({ keyId, bytes: sealed }, boundTo(key, createdAt)),
      ),

    /** Returns the lifetimes of the valid secrets of each receiver, newest first. */
    live: (receiverIds: readonly number[]): Map<number, SecretLifetime[]> =>
      groupBy(
        // without the sealed secrets
        validOf(receiverIds).map(({ receiverId, createdAt, expiresAt }) => ({
          receiverId,
          createdAt,
          expiresAt,
        })),
        ({ receiverId }) => receiverId,
      ),
  }
}

/**
 * Describes the sealed secrets of receivers. A receiver without one stays, and refuses deliveries until it gets a new
 * secret.
 */
export const receiverVault = ({ orm }: Database): Vault => ({
  noun: 'receiver secret',
  table: receiverSecrets,
  secrets: (where) =>
    orm
      .select()
      .from(receiverSecrets)
      .innerJoin(receivers, eq(receivers.id, receiverSecrets.receiverId))
      .where(where)
      .orderBy(receiverSecrets.id)
      .all()
      .map(({ webhook_secrets: { id, keyId, sealed, createdAt }, webhooks: { key, namespace } }) => ({
        id,
        name: `the secret of a receiver of ${namespace}`,
        sealed: { keyId, bytes: sealed },
        boundTo: boundTo(key, createdAt),
      })),
})
