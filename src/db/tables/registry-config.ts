import { sql } from 'drizzle-orm'
import { blob, check, index, integer, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { rowid, time } from './columns.ts'

/** How other registries, or parts of them, are reached. What is null is not said. */
export const registryConfigurations = sqliteTable(
  'registry_configurations',
  {
    id: rowid(),
    /** `host[:port]`, 443 left out; Docker Hub is `docker.io`. */
    registry: text('registry').notNull(),
    /** Of the repositories that it is for; empty for all of the registry. */
    path: text('path').notNull(),
    access: text('access', { enum: ['ALLOWED', 'BLOCKED'] }),
    /** `host[:port][/path]` that stands in the prefix's place. */
    location: text('location'),
    /** JSON: `[{"location":…,"insecure":…,"serves":…}]`, in the order in which to ask. */
    mirrors: text('mirrors'),
    insecure: integer('insecure').$type<0 | 1>(),
    /** PEM certificates. */
    ca: text('ca'),
    /** PEM certificates, the own one first. Its key is a secret of this row. */
    clientCertificate: text('client_certificate'),
    proxyUrl: text('proxy_url'),
    /** The password is a secret of this row. */
    proxyUsername: text('proxy_username'),
    /** Requests at a time. */
    concurrency: integer('concurrency'),
    requestsPerSecond: real('requests_per_second'),
    vendor: text('vendor', { enum: ['HARBOR', 'GITLAB', 'QUAY', 'JFROG', 'ZOT', 'NONE'] }),
    apiUrl: text('api_url'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [uniqueIndex('registry_configurations_by_prefix').on(t.registry, t.path)],
)

/** What belongs to a configuration and is shown to nobody. */
export const registrySecrets = sqliteTable(
  'registry_secrets',
  {
    id: rowid(),
    configurationId: integer('configuration_id')
      .notNull()
      .references(() => registryConfigurations.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: ['CLIENT_KEY', 'PROXY_PASSWORD'] }).notNull(),
    /** Which key opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Readable only with the key, only in this row and for what it was given for. */
    sealed: blob('sealed', { mode: 'buffer' }).$type<Uint8Array>().notNull(),
  },
  (t) => [
    uniqueIndex('registry_secrets_by_configuration').on(t.configurationId, t.kind),
    index('registry_secrets_by_key').on(t.keyId),
  ],
)

/** What goes for registries of which no configuration says it: one row, or none while nobody said anything. */
export const registryDefaults = sqliteTable(
  'registry_defaults',
  {
    id: integer('id').primaryKey(),
    access: text('access', { enum: ['ALLOWED', 'BLOCKED'] }).notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [check('registry_defaults_one_row', sql`${t.id} = 1`)],
)
