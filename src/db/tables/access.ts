import { blob, index, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { rowid, time } from './columns.ts'

/** What registries are read with on behalf of a namespace. */
export const registryCredentials = sqliteTable(
  'registry_credentials',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    /** `host[:port]`; Docker Hub is `docker.io`. */
    registry: text('registry').notNull(),
    /** Of the repositories that it is for; empty for all of the registry. */
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
    /** Whom it signs in, as a cloud's keys name them too; empty where nothing does. */
    username: text('username').notNull(),
    /** Which key opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Password, token, or what of a cloud's key nobody may see, readable only with the key and only in this row. */
    sealed: blob('sealed', { mode: 'buffer' }).$type<Uint8Array>().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** When a registry was last shown it, or what its cloud gave for it, since it was set. */
    lastUsedAt: time('last_used_at'),
  },
  (t) => [
    uniqueIndex('registry_credentials_by_prefix').on(t.namespace, t.registry, t.path),
    index('registry_credentials_by_key').on(t.keyId),
  ],
)
