import { eq, type SQL } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { webhookSecrets, webhooks } from '../db/tables/webhook.ts'
import type { Vault } from '../secrets/rotate-keys.ts'
import { boundTo } from './secrets.ts'

/** The sealed secrets of webhooks. A webhook without one stays, and refuses deliveries until it gets a new secret. */
export const webhookVault = ({ orm }: Database): Vault => ({
  noun: 'webhook secret',
  table: webhookSecrets,
  secrets: (where: SQL) =>
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
