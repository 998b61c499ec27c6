import { sql } from 'drizzle-orm'
import { blob, check, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { TagName } from '../../oci/tag.ts'
import { flag, keyOf, type REMOVAL_REASONS, time } from './columns.ts'
import { images } from './tag.ts'

/** Changes of tags to another image. With `stream_changes` they are one log in commit order: the source of subscriptions. */
export const pushLog = sqliteTable(
  'push_log',
  {
    /** Ascends by 1 in commit order; a number is either here or in `stream_changes`. */
    sequence: integer('sequence').primaryKey(),
    pushedAt: time('pushed_at').notNull(),
    source: text('source', { enum: ['IMPORT', 'REGISTRY', 'TAG'] }).notNull(),
    namespace: text('namespace').notNull(),
    imageStreamName: text('image_stream_name').notNull(),
    // no foreign key: entries outlive their stream
    streamId: integer('stream_id').notNull(),
    tag: text('tag').$type<TagName>().notNull(),
    dockerImageReference: text('docker_image_reference').notNull(),
    imageId: keyOf('image_id', () => images.id),
    previousImageId: integer('previous_image_id').references(() => images.id),
  },
  (t) => [
    // these two serve every filter: `events/push-series.ts`
    index('push_log_by_stream').on(t.namespace, t.imageStreamName, t.sequence),
    // SQLite orders the pushes of a tag by their sequence, which is the row's number
    index('push_log_by_tag').on(t.tag),
    index('push_log_by_image').on(t.imageId),
    index('push_log_by_previous_image').on(t.previousImageId).where(sql`previous_image_id is not null`),
  ],
)

/** Changes of image streams other than pushes. */
export const streamChanges = sqliteTable(
  'stream_changes',
  {
    /** One sequence with `push_log`. */
    sequence: integer('sequence').primaryKey(),
    changedAt: time('changed_at').notNull(),
    kind: text('kind', {
      enum: [
        'STREAM_CREATED',
        'STREAM_UPDATED',
        'STREAM_DELETED',
        'STREAM_RESTORED',
        'TAG_SOURCE_CHANGED',
        'TAG_REMOVED',
        'TAG_RESTORED',
        'IMPORT_FAILING',
        'IMPORT_RECOVERED',
      ],
    }).notNull(),
    namespace: text('namespace').notNull(),
    imageStreamName: text('image_stream_name').notNull(),
    // no foreign key: entries outlive their stream
    streamId: integer('stream_id').notNull(),
    /** Null for a change of the whole stream. */
    tag: text('tag').$type<TagName>(),
    /** Why a tag was removed, or why an import fails; null for other kinds. */
    reason: text('reason').$type<FailureReason | (typeof REMOVAL_REASONS)[number]>(),
    message: text('message'),
  },
  (t) => [index('stream_changes_by_stream').on(t.namespace, t.imageStreamName, t.sequence)],
)

/** One row: the identity of the log, and its first entry. */
export const pushLogState = sqliteTable(
  'push_log_state',
  {
    id: integer('id').primaryKey(),
    uid: text('uid').notNull(),
    /** Highest sequence that has been deleted; 0 when none has. */
    dropped: integer('dropped').notNull(),
    /** Fingerprint of the entry with that sequence; null when none was deleted since fingerprints of deleted entries are kept. */
    droppedFingerprint: text('dropped_fingerprint'),
    /** Encrypts cursors and the ids of entries; null before the first start of a version with it. */
    cursorKey: blob('cursor_key', { mode: 'buffer' }).$type<Uint8Array>(),
    /** Last sequence that has a cursor of an earlier version, which was not encrypted. */
    readableUntil: integer('readable_until').notNull().default(0),
    /** Whether a file beside the database has the newest position: a database without it is a copy. */
    isMarked: flag('is_marked').default(0),
  },
  (t) => [check('push_log_state_single', sql`${t.id} = 1`)],
)

/**
 * The processes that appended to the log, each with the first entry of its own. Two entries with one number, of which a restored
 * backup lacked the first, are of different processes.
 */
export const logWriters = sqliteTable('log_writers', {
  firstSequence: integer('first_sequence').primaryKey(),
  /** Random text. */
  nonce: text('nonce').notNull(),
})
