import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { rowid, time } from './columns.ts'
import { images } from './image.ts'
import { imageStreams } from './stream.ts'

export const tags = sqliteTable(
  'tags',
  {
    id: rowid(),
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    name: text('name').$type<TagName>().notNull(),
    /** Sort keys made from the name: ascending is the order of importance, and of descending versions. */
    importance: text('importance').notNull(),
    version: text('version').notNull(),
    /** What the tag means now; null while it never had an image. */
    newestEventId: integer('newest_event_id'),
    /** 0 while it never had an image: such tags come last. */
    newestAt: time('newest_at').notNull(),
    newestImageId: integer('newest_image_id'),
    /** What the registry said when last asked: the index's digest where one platform's image was taken of it. */
    upstreamDigest: text('upstream_digest').$type<Digest>(),
    /** The platforms of the image that it means now, as its row has them. */
    platforms: text('platforms'),
    /** Why it cannot be imported now, the reason of the condition that says so; null when nothing is wrong. */
    failing: text('failing'),
    /** When a whole list of its repository first lacked it; null while it is listed, or answered for all the same. */
    missingSince: time('missing_since'),
  },
  (t) => [
    uniqueIndex('tags_by_name').on(t.streamId, t.name),
    index('tags_by_importance').on(t.streamId, t.importance),
    index('tags_by_version').on(t.streamId, t.version),
    index('tags_by_newest').on(t.streamId, t.newestAt, t.id),
    index('tags_by_image').on(t.newestImageId, t.streamId, t.id),
    index('tags_by_platforms').on(t.platforms, t.streamId),
    index('tags_by_failing').on(t.failing, t.streamId).where(sql`failing is not null`),
  ],
)

export const tagEvents = sqliteTable(
  'tag_events',
  {
    // ascending in commit order: a tag's history is its events by descending id
    id: rowid(),
    tagId: integer('tag_id')
      .notNull()
      .references(() => tags.id, { onDelete: 'cascade' }),
    imageId: integer('image_id')
      .notNull()
      .references(() => images.id),
    dockerImageReference: text('docker_image_reference').notNull(),
    generation: integer('generation').notNull(),
    createdAt: time('created_at').notNull(),
    /** The import that it is a result of; no foreign key, it stays when that import is forgotten. */
    importId: integer('import_id'),
  },
  (t) => [
    index('tag_events_by_tag').on(t.tagId, t.id),
    index('tag_events_by_import').on(t.importId).where(sql`import_id is not null`),
    index('tag_events_by_image').on(t.imageId, t.id),
  ],
)

export const tagConditions = sqliteTable(
  'tag_conditions',
  {
    tagId: integer('tag_id')
      .notNull()
      .references(() => tags.id, { onDelete: 'cascade' }),
    type: text('type').notNull(),
    status: text('status', { enum: ['True', 'False', 'Unknown'] }).notNull(),
    reason: text('reason').notNull(),
    message: text('message').notNull(),
    lastTransitionTime: time('last_transition_time').notNull(),
    generation: integer('generation').notNull(),
  },
  (t) => [primaryKey({ columns: [t.tagId, t.type] })],
)
