import { and, desc, eq, gt, inArray, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhookSecrets, webhooks } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import { groupBy } from '../input/maps.ts'
import type { Vault } from '../secrets/rotate-keys.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Webhook } from './webhook.ts'

type SecretRow = typeof webhookSecrets.$inferSelect

/** The lifetime of a valid secret. */
export type SecretLifetime = Pick<SecretRow, 'createdAt' | 'expiresAt'>

export interface WebhookSecretsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  /** Returns an unpredictable secret. */
  readonly random: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Returns the context that a secret is sealed with: it cannot be opened for another webhook or time. */
const boundTo = (key: string, createdAt: number): string[] => ['webhook secret', key, String(createdAt)]

/** The secrets of webhooks. */
export type WebhookSecrets = ReturnType<typeof createWebhookSecrets>

/** Creates the secrets of webhooks. Each has at most two valid ones, so that a rotation interrupts no deliveries. */
export function createWebhookSecrets({ db, sealer, random, now }: WebhookSecretsDependencies) {
  const { orm } = db

  const newestOf = (webhookId: number): SQL =>
    sql`(select max(id) from webhook_secrets where webhook_id = ${webhookId})`
  const dropOld = (webhookId: number): void => {
    const isOld = and(eq(webhookSecrets.webhookId, webhookId), lt(webhookSecrets.id, newestOf(webhookId)))
    orm.delete(webhookSecrets).where(isOld).run()
  }
  const validOf = (webhookIds: readonly number[]): SecretRow[] => {
    const isValid = or(isNull(webhookSecrets.expiresAt), gt(webhookSecrets.expiresAt, now()))
    const isOfWebhooks = and(inArray(webhookSecrets.webhookId, [...webhookIds]), isValid)
    return orm.select().from(webhookSecrets).where(isOfWebhooks).orderBy(desc(webhookSecrets.id)).all()
  }

  return {
    /** Creates a secret. The one before stays valid until a time: null for no limit, 0 for none. Older ones are deleted. */
    issue(_tx: Transaction, { id, key }: Webhook, oldUntil: number | null): string {
      dropOld(id)
      const isNewest = eq(webhookSecrets.id, newestOf(id))
      orm.update(webhookSecrets).set({ expiresAt: oldUntil }).where(isNewest).run()
      const secret = random()
      const createdAt = now()
      const { keyId, bytes } = sealer.seal(secret, boundTo(key, createdAt))
      orm.insert(webhookSecrets).values({ webhookId: id, keyId, sealed: bytes, createdAt }).run()
      return secret
    },

    /** Deletes all but the newest. */
    dropOld: (_tx: Transaction, webhookId: number): void => dropOld(webhookId),

    /** Returns the valid secrets, newest first. Throws as the sealer does. */
    open: ({ id, key }: Webhook): string[] =>
      validOf([id]).map(({ keyId, sealed, createdAt }) =>
        sealer.open({ keyId, bytes: sealed }, boundTo(key, createdAt)),
      ),

    /** Returns the lifetimes of the valid secrets of each webhook, newest first. */
    live: (webhookIds: readonly number[]): Map<number, SecretLifetime[]> =>
      groupBy(
        // without the sealed secrets
        validOf(webhookIds).map(({ webhookId, createdAt, expiresAt }) => ({
          webhookId,
          createdAt,
          expiresAt,
        })),
        ({ webhookId }) => webhookId,
      ),
  }
}

/**
 * Describes the sealed secrets of webhooks. A webhook without one stays, and refuses deliveries until it gets a new
 * secret.
 */
export const webhookVault = ({ orm }: Database): Vault => ({
  noun: 'webhook secret',
  table: webhookSecrets,
  secrets: (where) =>
    orm
      .select()
      .from(webhookSecrets)
      .innerJoin(webhooks, eq(webhooks.id, webhookSecrets.webhookId))
      .where(where)
      .orderBy(webhookSecrets.id)
      .all()
      .map(({ webhook_secrets: { id, keyId, sealed, createdAt }, webhooks: { key, namespace } }) => ({
        id,
        name: `the secret of a webhook of ${namespace}`,
        sealed: { keyId, bytes: sealed },
        boundTo: boundTo(key, createdAt),
      })),
})
