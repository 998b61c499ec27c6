import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { TagName } from '../../oci/tag.ts'
import { failureReason, ownerKey, rowid, time } from './columns.ts'
import { imageStreams } from './stream.ts'

/** Imports of streams, each with its request and result. */
export const imports = sqliteTable(
  'imports',
  {
    id: rowid(),
    streamId: integer('stream_id').references(() => imageStreams.id, { onDelete: 'set null' }),
    /** JSON text: the request, with which a restarted server finishes the import. */
    request: text('request').notNull(),
    state: text('state', {
      enum: ['PENDING', 'RUNNING', 'SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED'],
    }).notNull(),
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
    total: integer('total'),
    imported: integer('imported').notNull(),
    unchanged: integer('unchanged').notNull(),
    failed: integer('failed').notNull(),
    /** JSON text: tag names. */
    additionalTags: text('additional_tags').notNull(),
    /** JSON text: ids of the tag events that the unchanged tags pointed to. */
    unchangedEvents: text('unchanged_events').notNull(),
    /**
     * JSON text: those of `unchangedEvents` whose index changed while the imported image stayed the same, each with the
     * platforms that changed.
     */
    reindexedEvents: text('reindexed_events').notNull().default('[]'),
    /** Why the whole import failed; null unless it did. */
    reason: failureReason('reason'),
    message: text('message'),
  },
  (t) => [
    index('imports_by_stream').on(t.streamId, t.id),
    // read at start-up: imports that a crash interrupted
    index('imports_unfinished').on(t.state).where(sql`finished_at is null`),
  ],
)

/** Tags that an import failed to import. Imported tags are tag events. */
export const importFailures = sqliteTable(
  'import_failures',
  {
    importId: ownerKey('import_id', () => imports.id),
    tag: text('tag').$type<TagName>().notNull(),
    importance: text('importance').notNull(),
    reason: failureReason('reason').notNull(),
    message: text('message').notNull(),
  },
  (t) => [primaryKey({ columns: [t.importId, t.tag] })],
)

/** Spec tags and repositories that are imported on a schedule. */
export const importSchedules = sqliteTable(
  'import_schedules',
  {
    id: rowid(),
    streamId: ownerKey('stream_id', () => imageStreams.id),
    /** The spec tag; empty for the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    dueAt: time('due_at').notNull(),
    /** When an import of it last succeeded; null for never. */
    succeededAt: time('succeeded_at'),
    failedAt: time('failed_at'),
    /** Why the newest import failed; null when it succeeded. */
    reason: failureReason('reason'),
    message: text('message'),
    /** Factor on the interval: above 1 when receivers reliably report its changes earlier. */
    slowedBy: integer('slowed_by').notNull().default(1),
  },
  (t) => [
    uniqueIndex('import_schedules_by_stream').on(t.streamId, t.tag),
    index('import_schedules_by_due').on(t.dueAt),
  ],
)
