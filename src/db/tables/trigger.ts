import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { flag, ownerKey, rowid, sealed, time } from './columns.ts'
import { tags } from './tag.ts'

/** Triggers: what is done when a tag points to another image. */
export const triggers = sqliteTable(
  'triggers',
  {
    id: rowid(),
    /** Random; part of the ids of deliveries, which stay the same in a restored backup. */
    uid: text('uid').notNull(),
    namespace: text('namespace').notNull(),
    name: text('name').notNull(),
    /** What it reacts to: each move of a tag, moves by the tag's policy, or moves of the base of a tag's image. */
    source: text('source', { enum: ['TAG', 'POLICY', 'BASE_IMAGE'] })
      .notNull()
      .default('TAG'),
    /** Pattern over names of streams of the namespace. */
    streams: text('streams').notNull(),
    /** Pattern over names of tags. */
    tags: text('tags').notNull(),
    /** Pattern over base images, `namespace/streams:tags`; null for other sources. */
    bases: text('bases'),
    /** Id of the principal that named the bases, and must be able to pull them; null for one without sign-in. */
    basesNamedBy: text('bases_named_by'),
    /** Where to go on reading the bases of tags that it matches; null once all were read. */
    basesReadFrom: text('bases_read_from'),
    /** How it is found for a move: by stream and tag, by the stream if `tags` has a `*`, else by its namespace. */
    scope: text('scope', { enum: ['TAG', 'STREAM', 'NAMESPACE'] }).notNull(),
    /** Host of the receiver, with its port. */
    host: text('host').notNull(),
    /** JSON text: the action without its secrets. */
    action: text('action').notNull(),
    /** JSON text: what has to hold before it acts. */
    guards: text('guards').notNull().default('{}'),
    /** 1 while it is paused or disabled. */
    isHeld: flag('is_held'),
    /** Newest entry of the change log when it was created: moves before it cause nothing. */
    since: integer('since').notNull(),
    /** Name of the principal that created it. */
    createdBy: text('created_by').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** Null for a trigger that is not paused. */
    pausedAt: time('paused_at'),
    /** Null for a pause without end. */
    pausedUntil: time('paused_until'),
    /** Name of the principal that paused it. */
    pausedBy: text('paused_by'),
    pauseReason: text('pause_reason'),
    /** Why deliveries ended for good, until the trigger is resumed; null while they have not. */
    disabledReason: text('disabled_reason'),
  },
  (t) => [
    uniqueIndex('triggers_by_name').on(t.namespace, t.name),
    index('triggers_by_source').on(t.namespace, t.scope, t.streams, t.tags),
    index('triggers_to_read').on(t.id).where(sql`bases_read_from is not null`),
    index('triggers_paused').on(t.pausedUntil).where(sql`paused_until is not null`),
  ],
)

/** Secrets of triggers: keys that sign, tokens, and values of headers. */
export const triggerSecrets = sqliteTable(
  'trigger_secrets',
  {
    id: rowid(),
    triggerId: ownerKey('trigger_id', () => triggers.id),
    /** Name of the secret in its kind of action. */
    name: text('name').notNull(),
    /** Id of the key that opens `sealed`. */
    keyId: text('key_id').notNull(),
    /** Can be opened only with the key, and only in a row of this trigger, name and creation time. */
    sealed: sealed(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [index('trigger_secrets_by_trigger').on(t.triggerId, t.name, t.id)],
)

/** Pairs of keys with which this server signs requests of triggers. */
export const triggerKeyPairs = sqliteTable('trigger_key_pairs', {
  id: rowid(),
  /** Id of the key that opens `sealed`. */
  keyId: text('key_id').notNull(),
  /** The 32 bytes of the private key, base64. */
  sealed: sealed(),
  createdAt: time('created_at').notNull(),
})

/** What a trigger has done, and has to do, for each tag that has moved since the trigger was created. */
export const triggerTargets = sqliteTable(
  'trigger_targets',
  {
    id: rowid(),
    triggerId: ownerKey('trigger_id', () => triggers.id),
    tagId: ownerKey('tag_id', () => tags.id),
    wantedEventId: integer('wanted_event_id').notNull(),
    wantedImageId: integer('wanted_image_id').notNull(),
    /** Null when nothing was delivered. */
    firedEventId: integer('fired_event_id'),
    firedImageId: integer('fired_image_id'),
    /** 1 once an attempt of another image has begun since: the receiver may have that one. */
    mayHaveAnother: flag('may_have_another').default(0),
    /** The delivery that is attempted or failed for good; null when there is none. */
    deliveryEventId: integer('delivery_event_id'),
    deliveryImageId: integer('delivery_image_id'),
    /** Number of the delivery by hand; 0 for one that a move caused. */
    deliveryByHand: integer('delivery_by_hand').notNull(),
    /** Deliveries by hand so far. */
    byHand: integer('by_hand').notNull(),
    failures: integer('failures').notNull(),
    /** Null for a delivery that is not attempted again. */
    nextAt: time('next_at'),
    leaseUntil: time('lease_until'),
    /** The guard that holds the delivery; null while none does. */
    guard: text('guard', { enum: ['PLATFORMS', 'MINIMUM_AGE', 'VERIFIED', 'APPROVAL', 'WINDOW', 'RATE'] }),
    /** When a guard first held the delivery; null when none has. */
    heldSince: time('held_since'),
    /** The move that a person approved last; null when none was. */
    approvedEventId: integer('approved_event_id'),
    /** Name of the person who approved it. */
    approvedBy: text('approved_by'),
    approvedAt: time('approved_at'),
    /** When an attempt is due: `leaseUntil`, else `nextAt`; null for none. */
    dueAt: time('due_at'),
    /** What follows from the columns above, for lists. */
    state: text('state', { enum: ['IDLE', 'WAITING', 'PENDING', 'RUNNING', 'RETRYING', 'DEAD'] }).notNull(),
    /** Since when it is in this state. */
    stateSince: time('state_since').notNull(),
    /** Namespace and host, which wait for each other’s deliveries and not for those of others. */
    lane: text('lane').notNull(),
    /** 1 while the trigger is paused or disabled: nothing is due. */
    isHeld: flag('is_held'),
    /** Why the last attempt failed, or what the guard waits for; null otherwise. */
    message: text('message'),
    /** Row of its newest delivery, which is kept as long as this row; null before the first one. */
    lastDeliveryId: integer('last_delivery_id'),
  },
  (t) => [
    uniqueIndex('trigger_targets_by_tag').on(t.triggerId, t.tagId),
    index('trigger_targets_of_tag').on(t.tagId, t.id),
    index('trigger_targets_due').on(t.lane, t.dueAt).where(sql`due_at is not null and is_held = 0`),
    index('trigger_targets_by_state').on(t.triggerId, t.state, t.id),
  ],
)

/** One row: the last entry of the change log that the triggers have taken. */
export const triggerPosition = sqliteTable('trigger_position', {
  id: integer('id').primaryKey(),
  sequence: integer('sequence').notNull(),
})

/** Deliveries: what was sent for a move of a tag, once or several times. */
export const triggerDeliveries = sqliteTable(
  'trigger_deliveries',
  {
    id: rowid(),
    triggerId: ownerKey('trigger_id', () => triggers.id),
    // no foreign key: deliveries outlive the tag
    tagId: integer('tag_id').notNull(),
    imageStreamName: text('image_stream_name').notNull(),
    tag: text('tag').$type<TagName>().notNull(),
    eventId: integer('event_id').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    /** Number of the delivery by hand; 0 for one that the move caused. */
    byHand: integer('by_hand').notNull(),
    /** Id that the receiver gets, the same at each attempt. */
    webhookId: text('webhook_id').notNull(),
    /** Row of the delivery that caused the move; null where none is known. */
    causedBy: integer('caused_by'),
    state: text('state', { enum: ['RUNNING', 'RETRYING', 'DELIVERED', 'SUPERSEDED', 'DEAD'] }).notNull(),
    attempts: integer('attempts').notNull(),
    startedAt: time('started_at').notNull(),
    /** Null while it is attempted. */
    endedAt: time('ended_at'),
    /** The request as it was last sent, with secrets replaced; null before the first attempt has ended. */
    request: text('request'),
    /** Why the last attempt failed; null when it did not. */
    message: text('message'),
    /** Address at which people see the work that began. */
    link: text('link'),
    /** Address to ask for the link; null when there is nothing to ask. */
    followUrl: text('follow_url'),
    followAt: time('follow_at'),
    followCount: integer('follow_count').notNull(),
  },
  (t) => [
    uniqueIndex('trigger_deliveries_by_move').on(t.triggerId, t.tagId, t.eventId, t.byHand),
    index('trigger_deliveries_by_webhook_id').on(t.webhookId),
    index('trigger_deliveries_by_trigger').on(t.triggerId, t.id),
    index('trigger_deliveries_by_tag').on(t.tagId, t.endedAt),
    index('trigger_deliveries_to_follow').on(t.followAt).where(sql`follow_at is not null`),
  ],
)

/** Attempts of a delivery. */
export const triggerAttempts = sqliteTable(
  'trigger_attempts',
  {
    id: rowid(),
    deliveryId: ownerKey('delivery_id', () => triggerDeliveries.id),
    at: time('at').notNull(),
    milliseconds: integer('milliseconds').notNull(),
    /** Null without a response. */
    status: integer('status'),
    /** The first characters of the response. */
    response: text('response').notNull(),
    /** Null for an attempt that succeeded. */
    message: text('message'),
  },
  (t) => [index('trigger_attempts_by_delivery').on(t.deliveryId, t.id)],
)
