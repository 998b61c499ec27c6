import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { flag, ownerKey, rowid, sealed, time } from './columns.ts'

/** SHA-256 of a secret of 256 random bits, which is stored nowhere. */
const secretHash = () => blob('hash', { mode: 'buffer' }).$type<Uint8Array>().notNull()

/** People who have signed in. */
export const users = sqliteTable(
  'users',
  {
    id: rowid(),
    /** URL of the OpenID provider; `local` for the admin of a server without one. */
    issuer: text('issuer').notNull(),
    /** `sub` of the provider: never assigned to another person. */
    subject: text('subject').notNull(),
    /** For people: user name or address of mail, as the provider last reported it. */
    name: text('name').notNull(),
    email: text('email'),
    /** JSON text: names of the groups at the last sign-in. */
    groups: text('groups').notNull(),
    createdAt: time('created_at').notNull(),
    lastSignInAt: time('last_sign_in_at').notNull(),
    /** When an admin suspended the person; null for a person who may sign in. */
    suspendedAt: time('suspended_at'),
  },
  (t) => [uniqueIndex('users_by_subject').on(t.issuer, t.subject)],
)

/** Sessions of people who have signed in, in a browser or at a command line. */
export const sessions = sqliteTable(
  'sessions',
  {
    id: rowid(),
    userId: ownerKey('user_id', () => users.id),
    hash: secretHash(),
    kind: text('kind', { enum: ['BROWSER', 'COMMAND_LINE'] }).notNull(),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    /** Last use, to within a minute; null for never. */
    lastUsedAt: time('last_used_at'),
  },
  (t) => [
    uniqueIndex('sessions_by_hash').on(t.hash),
    index('sessions_by_user').on(t.userId, t.id),
    index('sessions_by_expiry').on(t.expiresAt),
  ],
)

/** Secrets that work once: the link for the first admin, codes of a sign-in at a command line. */
export const oneTimeSecrets = sqliteTable(
  'one_time_secrets',
  {
    id: rowid(),
    hash: secretHash(),
    purpose: text('purpose', { enum: ['FIRST_ADMIN', 'COMMAND_LINE', 'DEVICE'] }).notNull(),
    /** JSON text: what the secret is for, by its purpose. */
    content: text('content').notNull(),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [
    uniqueIndex('one_time_secrets_by_hash').on(t.hash),
    index('one_time_secrets_by_expiry').on(t.expiresAt),
  ],
)

/** Access tokens for machines. What they may do is in `grants`, and at most what their creator may do. */
export const accessTokens = sqliteTable(
  'access_tokens',
  {
    id: rowid(),
    /** The person who created it, whose rights limit it. */
    userId: ownerKey('user_id', () => users.id),
    name: text('name').notNull(),
    hash: secretHash(),
    /** The first characters of the token, to recognise it. */
    prefix: text('prefix').notNull(),
    createdAt: time('created_at').notNull(),
    /** Null for a token that does not expire. */
    expiresAt: time('expires_at'),
    /** Last use, to within a minute; null for never. */
    lastUsedAt: time('last_used_at'),
    /** Address of the last use; null for never. */
    lastUsedFrom: text('last_used_from'),
    /** Null for a token that is valid. */
    revokedAt: time('revoked_at'),
  },
  (t) => [
    uniqueIndex('access_tokens_by_hash').on(t.hash),
    index('access_tokens_by_user').on(t.userId, t.id),
    index('access_tokens_by_use').on(t.lastUsedAt, t.id),
  ],
)

/** Rules that admit tokens of other OpenID issuers. What they may do is in `grants`. */
export const federationRules = sqliteTable(
  'federation_rules',
  {
    id: rowid(),
    name: text('name').notNull(),
    issuer: text('issuer').notNull(),
    audience: text('audience').notNull(),
    /** JSON text: patterns by the name of the claim, `{"repository_id":["1234"]}`. */
    claims: text('claims').notNull(),
    /** Seconds for which a token is accepted after it was issued. */
    maxLifetime: integer('max_lifetime').notNull(),
    allowsPullRequests: flag('allows_pull_requests'),
    /** JSON text: URL of the keys, and certificates to trust, where the issuer is not reachable by its own name. */
    settings: text('settings').notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    /** Null for a rule that is in force. */
    disabledAt: time('disabled_at'),
    lastUsedAt: time('last_used_at'),
  },
  (t) => [
    index('federation_rules_by_name').on(t.name),
    index('federation_rules_by_issuer').on(t.issuer, t.id),
  ],
)

/** Roles of principals in streams of a namespace, or of all. */
export const grants = sqliteTable(
  'grants',
  {
    id: rowid(),
    /** EVERYONE: also clients without a credential. SIGNED_IN: every person, and no machine. */
    subjectKind: text('subject_kind', {
      enum: ['USER', 'GROUP', 'TOKEN', 'RULE', 'SIGNED_IN', 'EVERYONE'],
    }).notNull(),
    /** Id of the user, token or rule, or name of the group; empty for the others. */
    subject: text('subject').notNull(),
    role: text('role', {
      enum: ['VIEWER', 'PULLER', 'PUSHER', 'BUILDER', 'IMPORTER', 'EDITOR', 'ADMIN', 'SERVER_ADMIN'],
    }).notNull(),
    /** `*` for all namespaces. */
    namespace: text('namespace').notNull(),
    /** Pattern over names of streams. */
    streams: text('streams').notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (t) => [
    uniqueIndex('grants_by_subject').on(t.subjectKind, t.subject, t.namespace, t.streams, t.role),
    index('grants_by_namespace').on(t.namespace, t.id),
  ],
)

/** The key that signs tokens of this server, with one row. */
export const signingKeys = sqliteTable('signing_keys', {
  id: rowid(),
  /** Id of the key that opens `sealed`. */
  keyId: text('key_id').notNull(),
  /** The private key in PEM. */
  sealed: sealed(),
  createdAt: time('created_at').notNull(),
})

/** Tags that are protected from being moved or removed. */
export const tagProtections = sqliteTable(
  'tag_protections',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    /** Pattern over names of streams. */
    streams: text('streams').notNull(),
    /** Pattern over names of tags. */
    tags: text('tags').notNull(),
    /** JSON text: roles that may move and remove them all the same. */
    exceptRoles: text('except_roles').notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (t) => [uniqueIndex('tag_protections_by_pattern').on(t.namespace, t.streams, t.tags)],
)

/** Limits of namespaces; null for no limit. A row with namespace `*` has the limits of namespaces without a row. */
export const quotas = sqliteTable(
  'quotas',
  {
    namespace: text('namespace').notNull(),
    streams: integer('streams'),
    tags: integer('tags'),
    /** Bytes of blobs and manifests that repositories of the namespace link, each once. */
    bytes: integer('bytes'),
    /** Requests to other registries in an hour. */
    requestsPerHour: integer('requests_per_hour'),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.namespace] })],
)

/** Who did what. Rows are only added; each contains the hash of the row before it. */
export const auditEntries = sqliteTable(
  'audit_entries',
  {
    sequence: integer('sequence').primaryKey(),
    at: time('at').notNull(),
    /** Id and name of the principal at that time. */
    principal: text('principal').notNull(),
    principalName: text('principal_name').notNull(),
    /** Address of the client; null for the server's own work. */
    address: text('address'),
    requestId: text('request_id'),
    /** Name of the mutation, or of the registry's operation: `tagImage`, `push`, `signIn`. */
    action: text('action').notNull(),
    /** Null for what affects no single namespace. */
    namespace: text('namespace'),
    /** What was changed, as its users name it: `team/app:v1`. */
    target: text('target'),
    outcome: text('outcome', { enum: ['DONE', 'REFUSED', 'FAILED'] }).notNull(),
    /** JSON text, without secrets. */
    details: text('details').notNull(),
    /** SHA-256 over this row and the hash of the row before it. */
    hash: blob('hash', { mode: 'buffer' }).$type<Uint8Array>().notNull(),
  },
  (t) => [
    index('audit_entries_by_namespace').on(t.namespace, t.sequence),
    index('audit_entries_by_principal').on(t.principal, t.sequence),
    index('audit_entries_by_action').on(t.action, t.sequence),
    index('audit_entries_by_outcome').on(t.outcome, t.sequence),
  ],
)
