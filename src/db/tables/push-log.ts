import { sql } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { TagName } from '../../oci/tag.ts'
import { time } from './columns.ts'
import { images } from './image.ts'

export const pushLog = sqliteTable(
  'push_log',
  {
    /** Dense and in commit order. */
    sequence: integer('sequence').primaryKey(),
    pushedAt: time('pushed_at').notNull(),
    source: text('source', { enum: ['IMPORT', 'REGISTRY', 'TAG'] }).notNull(),
    namespace: text('namespace').notNull(),
    imageStreamName: text('image_stream_name').notNull(),
    // no foreign key: entries outlive their stream
    streamId: integer('stream_id').notNull(),
    tag: text('tag').$type<TagName>().notNull(),
    dockerImageReference: text('docker_image_reference').notNull(),
    imageId: integer('image_id')
      .notNull()
      .references(() => images.id),
    previousImageId: integer('previous_image_id').references(() => images.id),
  },
  (t) => [
    index('push_log_by_stream').on(t.namespace, t.imageStreamName, t.sequence),
    index('push_log_by_image').on(t.imageId),
    index('push_log_by_previous_image').on(t.previousImageId).where(sql`previous_image_id is not null`),
  ],
)

/** One row: which log this is, and from where on it is kept. */
export const pushLogState = sqliteTable(
  'push_log_state',
  {
    id: integer('id').primaryKey(),
    uid: text('uid').notNull(),
    /** Highest number that has been dropped; 0 while all are kept. */
    dropped: integer('dropped').notNull(),
  },
  (t) => [check('push_log_state_single', sql`${t.id} = 1`)],
)
