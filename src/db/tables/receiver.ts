import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { failureReason, flag, ownerKey, rowid, sealed, time } from './columns.ts'
import { imageStreams } from './stream.ts'

/** Receivers: addresses to which registries, and services that watch them, report pushes. */
export const receivers = sqliteTable(
  'webhooks',
  {
    id: rowid(),
    /** Last segment of its URL; random and secret. */
    key: text('key').notNull(),
    namespace: text('namespace').notNull(),
    /** The sender, which determines the format of deliveries. */
    sender: text('sender').notNull(),
    /** `host[:port]` to which its hints apply; Docker Hub is `docker.io`. */
    registry: text('registry').notNull(),
    /** JSON text: other host names by which the sender may name that registry. */
    aliases: text('aliases').notNull(),
    /** JSON text: paths of the repositories that it may report; an empty list allows all. */
    repositories: text('repositories').notNull(),
    /** JSON text: settings of the sender besides the secret. */
    settings: text('settings').notNull(),
    enabled: flag('enabled'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** When a delivery was last authenticated, and last refused; null for never. */
    lastAcceptedAt: time('accepted_at'),
    lastRefusedAt: time('refused_at'),
    /** Why the newest delivery could not be used; null when it was. */
    message: text('trouble'),
    acceptedCount: integer('accepted').notNull().default(0),
    refusedCount: integer('refused').notNull().default(0),
    /** Number of tag changes that it reported and an import confirmed. */
    confirmedCount: integer('announced').notNull().default(0),
    lastConfirmedAt: time('announced_at'),
    /** Number of tag changes that a scheduled import found and it had not reported. */
    missedCount: integer('missed').notNull().default(0),
    lastMissedAt: time('missed_at'),
  },
  (t) => [
    uniqueIndex('webhooks_by_key').on(t.key),
    index('webhooks_by_namespace').on(t.namespace, t.id),
    index('webhooks_by_accepted').on(t.lastAcceptedAt),
  ],
)

/** Secrets that authenticate deliveries: the newest, and for a while the previous one. */
export const receiverSecrets = sqliteTable(
  'webhook_secrets',
  {
    id: rowid(),
    receiverId: ownerKey('webhook_id', () => receivers.id),
    /** Id of the key that opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Can be opened only with the key, and only in a row of this receiver and creation time. */
    sealed: sealed(),
    createdAt: time('created_at').notNull(),
    /** When it expires; null for never. */
    expiresAt: time('expires_at'),
  },
  (t) => [
    index('webhook_secrets_by_webhook').on(t.receiverId, t.id),
    index('webhook_secrets_by_key').on(t.keyId),
  ],
)

/** Log of deliveries to receivers, without bodies and headers. */
export const receiverDeliveries = sqliteTable(
  'webhook_deliveries',
  {
    id: rowid(),
    receiverId: ownerKey('webhook_id', () => receivers.id),
    receivedAt: time('received_at').notNull(),
    /** The sender's id of the delivery; null when it has none. */
    senderDeliveryId: text('sender_id'),
    bodyDigest: text('body_digest').$type<Digest>().notNull(),
    outcome: text('outcome', { enum: ['ACCEPTED', 'DUPLICATE', 'IGNORED', 'REFUSED', 'FAILED'] }).notNull(),
    /** Why it yielded no hint; null when it did. */
    message: text('reason'),
    /** Summary of its content: `push of team/app:v1`. */
    summary: text('note'),
    isTest: flag('is_test'),
    /** Client address of the request; for a test the name of the mutation. */
    senderAddress: text('source').notNull(),
  },
  (t) => [
    index('webhook_deliveries_by_webhook').on(t.receiverId, t.id),
    index('webhook_deliveries_by_sender_id')
      .on(t.receiverId, t.senderDeliveryId)
      .where(sql`sender_id is not null`),
    index('webhook_deliveries_by_body').on(t.receiverId, t.bodyDigest),
  ],
)

/** Tags that deliveries reported as changed: a durable queue, whose handled rows are the log. */
export const receiverHints = sqliteTable(
  'webhook_hints',
  {
    id: rowid(),
    deliveryId: ownerKey('delivery_id', () => receiverDeliveries.id),
    receiverId: integer('webhook_id').notNull(),
    registry: text('registry').notNull(),
    repository: text('repository').notNull(),
    /** Null for any tag of the repository. */
    tag: text('tag').$type<TagName>(),
    digest: text('digest').$type<Digest>(),
    action: text('action', { enum: ['push', 'delete'] }).notNull(),
    receivedAt: time('received_at').notNull(),
    /** When its targets were determined; null before. */
    handledAt: time('handled_at'),
  },
  (t) => [
    index('webhook_hints_by_delivery').on(t.deliveryId),
    index('webhook_hints_by_place').on(t.receiverId, t.repository, t.tag, t.id),
    index('webhook_hints_open').on(t.id).where(sql`handled_at is null`),
  ],
)

/** Tags of streams to which hints apply, with the state of each. */
export const receiverTargets = sqliteTable(
  'webhook_targets',
  {
    id: rowid(),
    hintId: ownerKey('hint_id', () => receiverHints.id),
    streamId: ownerKey('stream_id', () => imageStreams.id),
    /** Empty for all tags of the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    /** Whether a spec tag requests it, rather than the stream's repository. */
    isSpecTag: flag('is_spec_tag'),
    /** OPEN until an import is requested, and again while it waits for a retry. */
    state: text('state', { enum: ['OPEN', 'REQUESTED', 'FINISHED', 'FAILED', 'UP_TO_DATE'] }).notNull(),
    /** The last import that requested it; no foreign key, since the row outlives the import's. */
    importId: integer('import_id'),
    /** Number of retries. */
    retryCount: integer('retries').notNull().default(0),
    /** When an open target is retried; null for at once. */
    nextAttemptAt: time('retry_at'),
    /** The receiver of its hint. */
    receiverId: integer('webhook_id').notNull().default(0),
    /** Why the last import could not read the tag; null if it could. */
    reason: failureReason('reason'),
    message: text('message'),
  },
  (t) => [
    index('webhook_targets_by_hint').on(t.hintId),
    index('webhook_targets_by_stream').on(t.streamId, t.tag, t.id),
    index('webhook_targets_by_import').on(t.importId).where(sql`import_id is not null`),
    index('webhook_targets_by_state').on(t.receiverId, t.state, t.id),
    index('webhook_targets_open').on(t.id).where(sql`state = 'OPEN'`),
  ],
)

/** How reliably receivers report changes of what is imported; polling slows down accordingly. */
export const receiverWatches = sqliteTable(
  'webhook_watches',
  {
    streamId: ownerKey('stream_id', () => imageStreams.id),
    /** The spec tag; empty for the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    /** Source in the spec at that time; the count starts again for another source. */
    source: text('source').notNull(),
    /** The receiver that reported last. */
    receiverId: ownerKey('webhook_id', () => receivers.id),
    /** Consecutive imports that found a change because a receiver reported it. */
    announced: integer('announced').notNull(),
  },
  (t) => [primaryKey({ columns: [t.streamId, t.tag] }), index('webhook_watches_by_webhook').on(t.receiverId)],
)
