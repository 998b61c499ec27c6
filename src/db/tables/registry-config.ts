import { sql } from 'drizzle-orm'
import { check, index, integer, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { ownerKey, rowid, sealed, time } from './columns.ts'

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
    sealed: sealed(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** When it, or a token that its cloud issued for it, was last sent to a registry since it was set; null for never. */
    lastUsedAt: time('last_used_at'),
    /** Prefix of the registry configuration whose change sends it elsewhere, so that it is not sent; null while it is. */
    unboundBy: text('unbound_by'),
  },
  (t) => [
    uniqueIndex('registry_credentials_by_prefix').on(t.namespace, t.registry, t.path),
    index('registry_credentials_by_key').on(t.keyId),
  ],
)

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
    configurationId: ownerKey('configuration_id', () => registryConfigurations.id),
    kind: text('kind', { enum: ['CLIENT_KEY', 'PROXY_PASSWORD'] }).notNull(),
    /** Id of the key that opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Can be opened only with the key, and only for this row and its purpose. */
    sealed: sealed(),
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
