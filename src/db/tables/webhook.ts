import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { flag, rowid, time } from './columns.ts'
import { imageStreams } from './stream.ts'

/** Where registries and those who watch them tell of pushes. */
export const webhooks = sqliteTable(
  'webhooks',
  {
    id: rowid(),
    /** The last part of its URL; nobody can guess it. */
    key: text('key').notNull(),
    namespace: text('namespace').notNull(),
    /** Who sends, and in which form. */
    sender: text('sender').notNull(),
    /** `host[:port]` that its hints are about; Docker Hub is `docker.io`. */
    registry: text('registry').notNull(),
    /** JSON text: other hosts under which the sender may know that registry. */
    aliases: text('aliases').notNull(),
    /** JSON text: paths of the repositories that it may tell of; an empty list is all. */
    repositories: text('repositories').notNull(),
    /** JSON text: what the kind of sender has to know beside the secret. */
    settings: text('settings').notNull(),
    enabled: flag('enabled'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** When it was last believed, and last not. */
    acceptedAt: time('accepted_at'),
    refusedAt: time('refused_at'),
    /** Why the newest delivery could not be used; null when it could. */
    trouble: text('trouble'),
    accepted: integer('accepted').notNull().default(0),
    refused: integer('refused').notNull().default(0),
    /** Moves of tags that it told of before anybody saw them, and those that it did not tell of. */
    announced: integer('announced').notNull().default(0),
    announcedAt: time('announced_at'),
    missed: integer('missed').notNull().default(0),
    missedAt: time('missed_at'),
  },
  (t) => [
    uniqueIndex('webhooks_by_key').on(t.key),
    index('webhooks_by_namespace').on(t.namespace, t.id),
    index('webhooks_by_accepted').on(t.acceptedAt),
  ],
)

/** What deliveries are believed by: the newest, and for a while the one before. */
export const webhookSecrets = sqliteTable(
  'webhook_secrets',
  {
    id: rowid(),
    webhookId: integer('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** Which key opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Readable only with the key, and only in a row of this webhook and time. */
    sealed: blob('sealed', { mode: 'buffer' }).$type<Uint8Array>().notNull(),
    createdAt: time('created_at').notNull(),
    /** From when on it is not believed any more; null for good. */
    expiresAt: time('expires_at'),
  },
  (t) => [
    index('webhook_secrets_by_webhook').on(t.webhookId, t.id),
    index('webhook_secrets_by_key').on(t.keyId),
  ],
)

/** What was sent to webhooks, but for bodies and headers. */
export const webhookDeliveries = sqliteTable(
  'webhook_deliveries',
  {
    id: rowid(),
    webhookId: integer('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    receivedAt: time('received_at').notNull(),
    /** The sender's own name of the delivery; null where it has none. */
    senderId: text('sender_id'),
    bodyDigest: text('body_digest').$type<Digest>().notNull(),
    outcome: text('outcome', { enum: ['ACCEPTED', 'DUPLICATE', 'IGNORED', 'REFUSED', 'FAILED'] }).notNull(),
    /** Why it is no hint; null where it is. */
    reason: text('reason'),
    /** What it told: `push of team/app:v1`. */
    note: text('note'),
    isTest: flag('is_test'),
    /** The address that it came from. */
    source: text('source').notNull(),
  },
  (t) => [
    index('webhook_deliveries_by_webhook').on(t.webhookId, t.id),
    index('webhook_deliveries_by_sender_id').on(t.webhookId, t.senderId).where(sql`sender_id is not null`),
    index('webhook_deliveries_by_body').on(t.webhookId, t.bodyDigest),
  ],
)

/** What deliveries told may have changed: a durable queue, and then the log of it. */
export const webhookHints = sqliteTable(
  'webhook_hints',
  {
    id: rowid(),
    deliveryId: integer('delivery_id')
      .notNull()
      .references(() => webhookDeliveries.id, { onDelete: 'cascade' }),
    webhookId: integer('webhook_id').notNull(),
    registry: text('registry').notNull(),
    repository: text('repository').notNull(),
    /** Null: any tag of the repository. */
    tag: text('tag').$type<TagName>(),
    digest: text('digest').$type<Digest>(),
    action: text('action', { enum: ['push', 'delete'] }).notNull(),
    receivedAt: time('received_at').notNull(),
    /** When it was worked out which streams it concerns. */
    handledAt: time('handled_at'),
  },
  (t) => [
    index('webhook_hints_by_delivery').on(t.deliveryId),
    index('webhook_hints_by_place').on(t.webhookId, t.repository, t.tag, t.id),
    index('webhook_hints_open').on(t.id).where(sql`handled_at is null`),
  ],
)

/** The tags of streams that hints concern, and what came of each. */
export const webhookTargets = sqliteTable(
  'webhook_targets',
  {
    id: rowid(),
    hintId: integer('hint_id')
      .notNull()
      .references(() => webhookHints.id, { onDelete: 'cascade' }),
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    /** Empty for all tags of the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    /** Whether a spec tag of its own asks for it, and not the stream's repository. */
    isSpecTag: flag('is_spec_tag'),
    state: text('state', { enum: ['OPEN', 'ASKED', 'KNOWN'] }).notNull(),
    /** The import that last asked the registry; no foreign key, it stays when that import is forgotten. */
    importId: integer('import_id'),
    /** How often the registry was asked again. */
    retries: integer('retries').notNull().default(0),
    /** When it is asked again, of what is open once more; null at once. */
    retryAt: time('retry_at'),
  },
  (t) => [
    index('webhook_targets_by_hint').on(t.hintId),
    index('webhook_targets_by_stream').on(t.streamId, t.tag, t.id),
    index('webhook_targets_by_import').on(t.importId).where(sql`import_id is not null`),
    index('webhook_targets_open').on(t.id).where(sql`state = 'OPEN'`),
  ],
)

/** How well webhooks tell of what is imported: polling slows down where they do. */
export const webhookWatches = sqliteTable(
  'webhook_watches',
  {
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    /** The spec tag; empty for the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    /** Where it came from then, as the spec has it: another source has to prove itself anew. */
    source: text('source').notNull(),
    /** The webhook that told last. */
    webhookId: integer('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** Imports in a row that brought something in because a webhook told of it. */
    announced: integer('announced').notNull(),
  },
  (t) => [primaryKey({ columns: [t.streamId, t.tag] }), index('webhook_watches_by_webhook').on(t.webhookId)],
)
