import { sql } from 'drizzle-orm'
import { blob, check, index, integer, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { rowid, time } from './columns.ts'

/** How other registries, or parts of them, are reached. A null column leaves the setting to a shorter prefix or the default. */
export const registryConfigurations = sqliteTable(
  'registry_configurations',
  {
    id: rowid(),
    /** `host[:port]`, 443 left out; Docker Hub is `docker.io`. */
    registry: text('registry').notNull(),
    /** Path prefix of the repositories that the configuration is for; empty for all of the registry. */
    path: text('path').notNull(),
    access: text('access', { enum: ['ALLOWED', 'BLOCKED'] }),
    /** `host[:port][/path]` that replaces the prefix. */
    location: text('location'),
    /** JSON text: `[{"location":…,"insecure":…,"serves":…}]`, in the order of use. */
    mirrors: text('mirrors'),
    insecure: integer('insecure').$type<0 | 1>(),
    /** PEM certificates. */
    ca: text('ca'),
    /** PEM certificates, the client's own first. Its key is in `registrySecrets`. */
    clientCertificate: text('client_certificate'),
    proxyUrl: text('proxy_url'),
    /** The password is in `registrySecrets`. */
    proxyUsername: text('proxy_username'),
    /** Maximum number of concurrent requests. */
    concurrency: integer('concurrency'),
    requestsPerSecond: real('requests_per_second'),
    vendor: text('vendor', { enum: ['HARBOR', 'GITLAB', 'QUAY', 'JFROG', 'ZOT', 'NONE'] }),
    apiUrl: text('api_url'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [uniqueIndex('registry_configurations_by_prefix').on(t.registry, t.path)],
)

/** Secrets of registry configurations, which no query returns. */
export const registrySecrets = sqliteTable(
  'registry_secrets',
  {
    id: rowid(),
    configurationId: integer('configuration_id')
      .notNull()
      .references(() => registryConfigurations.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: ['CLIENT_KEY', 'PROXY_PASSWORD'] }).notNull(),
    /** Id of the key that opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Can be opened only with the key, and only for this row and its purpose. */
    sealed: blob('sealed', { mode: 'buffer' }).$type<Uint8Array>().notNull(),
  },
  (t) => [
    uniqueIndex('registry_secrets_by_configuration').on(t.configurationId, t.kind),
    index('registry_secrets_by_key').on(t.keyId),
  ],
)

/** Settings for registries without a configuration: one row, or none for the built-in defaults. */
export const registryDefaults = sqliteTable(
  'registry_defaults',
  {
    id: integer('id').primaryKey(),
    access: text('access', { enum: ['ALLOWED', 'BLOCKED'] }).notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [check('registry_defaults_one_row', sql`${t.id} = 1`)],
)
