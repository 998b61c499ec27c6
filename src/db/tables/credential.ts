import { blob, index, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { rowid, time } from './columns.ts'

/** Credentials with which registries are read for a namespace. */
export const registryCredentials = sqliteTable(
  'registry_credentials',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    /** `host[:port]`; Docker Hub is `docker.io`. */
    registry: text('registry').notNull(),
    /** Path prefix of the repositories that the credential is for; empty for all of the registry. */
    path: text('path').notNull(),
    kind: text('kind', {
      enum: [
        'PASSWORD',
        'IDENTITY_TOKEN',
        'BEARER_TOKEN',
        'AWS_ACCESS_KEY',
        'GOOGLE_SERVICE_ACCOUNT',
        'AZURE_SERVICE_PRINCIPAL',
      ],
    }).notNull(),
    /** User name, or the public id of a cloud's key; empty for kinds without one. */
    username: text('username').notNull(),
    /** Id of the key that opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Password, token, or the secret part of a cloud's key; can be opened only with the key and only in this row. */
    sealed: blob('sealed', { mode: 'buffer' }).$type<Uint8Array>().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** When it, or a token that its cloud issued for it, was last sent to a registry since it was set; null for never. */
    lastUsedAt: time('last_used_at'),
  },
  (t) => [
    uniqueIndex('registry_credentials_by_prefix').on(t.namespace, t.registry, t.path),
    index('registry_credentials_by_key').on(t.keyId),
  ],
)
