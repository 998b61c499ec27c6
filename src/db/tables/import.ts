import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { TagName } from '../../oci/tag.ts'
import { rowid, time } from './columns.ts'
import { imageStreams } from './stream.ts'

export const imports = sqliteTable(
  'imports',
  {
    id: rowid(),
    streamId: integer('stream_id').references(() => imageStreams.id, { onDelete: 'set null' }),
    /** JSON text: what was asked, so that a restarted server can finish it. */
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
    /** JSON text: ids of the tag events that the unchanged tags were at, their results without a row each. */
    unchangedEvents: text('unchanged_events').notNull(),
    /**
     * JSON text: those of them whose index is another one now, though the image taken of it is the same, each with the
     * platforms that changed in it.
     */
    reindexedEvents: text('reindexed_events').notNull().default('[]'),
    /** Why the whole import failed. */
    reason: text('reason'),
    message: text('message'),
  },
  (t) => [
    index('imports_by_stream').on(t.streamId, t.id),
    // start-up looks for what a crash left unfinished
    index('imports_unfinished').on(t.state).where(sql`finished_at is null`),
  ],
)

/** The tags that an import could not bring in; those that it did are its tag events. */
export const importFailures = sqliteTable(
  'import_failures',
  {
    importId: integer('import_id')
      .notNull()
      .references(() => imports.id, { onDelete: 'cascade' }),
    tag: text('tag').$type<TagName>().notNull(),
    importance: text('importance').notNull(),
    reason: text('reason').notNull(),
    message: text('message').notNull(),
  },
  (t) => [primaryKey({ columns: [t.importId, t.tag] })],
)

/** What is imported again and again without being asked. */
export const importSchedules = sqliteTable(
  'import_schedules',
  {
    id: rowid(),
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    /** The spec tag; empty for the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    dueAt: time('due_at').notNull(),
    /** When an import last brought it in without a failure; null when none did. */
    succeededAt: time('succeeded_at'),
    failedAt: time('failed_at'),
    /** Why the newest import failed; null when it did not. */
    reason: text('reason'),
    message: text('message'),
    /** How many times the interval it is left alone, because somebody tells of its changes before they are due. */
    slowedBy: integer('slowed_by').notNull().default(1),
  },
  (t) => [
    uniqueIndex('import_schedules_by_stream').on(t.streamId, t.tag),
    index('import_schedules_by_due').on(t.dueAt),
  ],
)
