import type { Database } from '../db/open.ts'
import { boundTo } from './secrets.ts'

interface Row {
  readonly id: number
  readonly key: string
  readonly namespace: string
  readonly keyId: string
  readonly sealed: Uint8Array
  readonly createdAt: number
}

/** Where the secrets of webhooks are kept, for who seals them anew when keys change. */
export function webhookVault(db: Database) {
  const keys = db.prepare<{ keyId: string; count: number }>(
    'select key_id as keyId, count(*) as count from webhook_secrets group by key_id order by key_id',
  )
  const others = db.prepare<Row>(
    `select s.id, w.key, w.namespace, s.key_id as keyId, s.sealed, s.created_at as createdAt
     from webhook_secrets s join webhooks w on w.id = s.webhook_id where s.key_id <> ? order by s.id`,
  )
  const reseal = db.prepare('update webhook_secrets set key_id = ?, sealed = ? where id = ?')
  const remove = db.prepare('delete from webhook_secrets where key_id = ?')
  return {
    noun: 'webhook secret',
    keys: () => keys.all(),
    sealedByOthers: (keyId: string) =>
      others.all(keyId).map((row) => ({
        name: `the secret of a webhook of ${row.namespace}`,
        sealed: { keyId: row.keyId, bytes: row.sealed },
        boundTo: boundTo(row.key, row.createdAt),
        replace: (sealed: { readonly keyId: string; readonly bytes: Uint8Array }) =>
          void reseal.run(sealed.keyId, sealed.bytes, row.id),
      })),
    // the webhook stays, and believes nothing before it gets a new secret
    forget: (keyId: string) => remove.run(keyId).changes,
  }
}
