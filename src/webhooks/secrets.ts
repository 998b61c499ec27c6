import { and, desc, eq, gt, inArray, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhookSecrets, webhooks } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import type { Vault } from '../secrets/rotate-keys.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Webhook } from './webhook.ts'

type SecretRow = typeof webhookSecrets.$inferSelect

/** The lifetime of a valid secret. */
export type SecretLifetime = Pick<SecretRow, 'createdAt' | 'expiresAt'>

/** The secrets of webhooks. Each has at most two valid ones, so that a rotation interrupts no deliveries. */
export interface WebhookSecrets {
  /** Creates a secret. The one before stays valid until a time: null for no limit, 0 for none. Older ones are deleted. */
  issue(tx: Transaction, webhook: Webhook, oldUntil: number | null): string
  /** Deletes all but the newest. Reports whether there were others. */
  dropOld(tx: Transaction, webhookId: number): boolean
  /** Returns the valid secrets, newest first. Throws as the sealer does. */
  open(webhook: Webhook): string[]
  /** Returns the lifetimes of the valid secrets of each webhook, newest first. */
  live(webhookIds: readonly number[]): Map<number, SecretLifetime[]>
}

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

export function createWebhookSecrets(dependencies: WebhookSecretsDependencies): WebhookSecrets {
  const { db, sealer, random, now } = dependencies
  const { orm } = db

  const newestOf = (webhookId: number): SQL =>
    sql`(select max(id) from webhook_secrets where webhook_id = ${webhookId})`
  const dropOld = (webhookId: number): boolean =>
    orm
      .delete(webhookSecrets)
      .where(and(eq(webhookSecrets.webhookId, webhookId), lt(webhookSecrets.id, newestOf(webhookId))))
      .run().changes > 0
  const validOf = (webhookIds: readonly number[]): SecretRow[] =>
    orm
      .select()
      .from(webhookSecrets)
      .where(
        and(
          inArray(webhookSecrets.webhookId, [...webhookIds]),
          or(isNull(webhookSecrets.expiresAt), gt(webhookSecrets.expiresAt, now())),
        ),
      )
      .orderBy(desc(webhookSecrets.id))
      .all()

  return {
    issue(_tx, { id, key }, oldUntil) {
      dropOld(id)
      orm
        .update(webhookSecrets)
        .set({ expiresAt: oldUntil })
        .where(eq(webhookSecrets.id, newestOf(id)))
        .run()
      const secret = random()
      const createdAt = now()
      const { keyId, bytes } = sealer.seal(secret, boundTo(key, createdAt))
      orm.insert(webhookSecrets).values({ webhookId: id, keyId, sealed: bytes, createdAt }).run()
      return secret
    },
    dropOld: (_tx, webhookId) => dropOld(webhookId),
    open: ({ id, key }) =>
      validOf([id]).map(({ keyId, sealed, createdAt }) =>
        sealer.open({ keyId, bytes: sealed }, boundTo(key, createdAt)),
      ),
    live(webhookIds) {
      const lifetimes = new Map<number, SecretLifetime[]>()
      for (const { webhookId, createdAt, expiresAt } of validOf(webhookIds)) {
        lifetimes.set(webhookId, [...(lifetimes.get(webhookId) ?? []), { createdAt, expiresAt }])
      }
      return lifetimes
    },
  }
}

/** The sealed secrets of webhooks. A webhook without one stays, and refuses deliveries until it gets a new secret. */
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
