import type { Database } from '../db/open.ts'
import type { webhookSecrets } from '../db/tables/webhook.ts'
import type { Transaction } from '../db/transact.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Webhook } from './webhook.ts'

type Row = typeof webhookSecrets.$inferSelect

/** A secret that is believed, without itself. */
export type LiveSecret = Pick<Row, 'createdAt' | 'expiresAt'>

/** The secrets of webhooks: at most two of each are believed at a time, so that a sender can be given a new one in peace. */
export interface WebhookSecrets {
  /** A new one, which the others give way to: the one before lives on until this time, null for good, 0 not at all. */
  issue(tx: Transaction, webhook: Webhook, oldUntil: number | null): string
  /** Only the newest is believed from now on. Whether there was another one. */
  dropOld(tx: Transaction, webhookId: number): boolean
  /** Those that are believed now, newest first. Throws as the sealer does. */
  open(webhook: Webhook): string[]
  /** The same of several webhooks, by their ids, without the secrets themselves. */
  live(webhookIds: readonly number[]): Map<number, LiveSecret[]>
}

export interface WebhookSecretsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  /** A secret that nobody can guess. */
  readonly random: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What a row's secret is sealed into: it opens for no other webhook. */
export const boundTo = (key: string, createdAt: number): string[] => [
  'webhook secret',
  key,
  String(createdAt),
]

export function createWebhookSecrets({
  db,
  sealer,
  random,
  now,
}: WebhookSecretsDependencies): WebhookSecrets {
  const insert = db.prepare(
    'insert into webhook_secrets (webhook_id, key_id, sealed, created_at, expires_at) values (?, ?, ?, ?, null)',
  )
  const newest = '(select max(id) from webhook_secrets where webhook_id = ?)'
  const dropAllButNewest = db.prepare(`delete from webhook_secrets where webhook_id = ? and id < ${newest}`)
  const expireNewest = db.prepare(`update webhook_secrets set expires_at = ? where id = ${newest}`)
  const live = db.prepare<Row>(
    `select id, webhook_id as webhookId, key_id as keyId, sealed, created_at as createdAt, expires_at as expiresAt
     from webhook_secrets where webhook_id in (select value from json_each(?))
       and (expires_at is null or expires_at > ?) order by id desc`,
  )
  const read = (webhookIds: readonly number[]): Row[] => live.all(JSON.stringify(webhookIds), now())

  return {
    issue(_tx, { id, key }, oldUntil) {
      dropAllButNewest.run(id, id)
      expireNewest.run(oldUntil, id)
      const secret = random()
      const at = now()
      const { keyId, bytes } = sealer.seal(secret, boundTo(key, at))
      insert.run(id, keyId, bytes, at)
      return secret
    },
    dropOld: (_tx, webhookId) => dropAllButNewest.run(webhookId, webhookId).changes > 0,
    open: ({ id, key }) =>
      read([id]).map((row) =>
        sealer.open({ keyId: row.keyId, bytes: row.sealed }, boundTo(key, row.createdAt)),
      ),
    live(webhookIds) {
      const found = new Map<number, LiveSecret[]>()
      for (const { webhookId, createdAt, expiresAt } of read(webhookIds)) {
        const known = found.get(webhookId) ?? []
        found.set(webhookId, [...known, { createdAt, expiresAt }])
      }
      return found
    },
  }
}
