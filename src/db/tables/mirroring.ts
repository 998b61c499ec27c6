import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { rowid, time } from './columns.ts'

/** Copies of images from other registries into the integrated one, each with its request and result. */
export const imageMirrorings = sqliteTable(
  'image_mirrorings',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    imageStream: text('image_stream').notNull(),
    /** Tag that points to the image when all of it is stored. */
    tag: text('tag').$type<TagName>().notNull(),
    /** Reference that is copied, with its defaults. */
    source: text('source').notNull(),
    /** JSON text: the other options of the request, with which a restarted server finishes the copy. */
    options: text('options').notNull(),
    /** Id of the principal that requested it, whose rights apply; null from before there was sign-in. */
    requestedBy: text('requested_by'),
    state: text('state', { enum: ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'] }).notNull(),
    createdAt: time('created_at').notNull(),
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
    /** Image that the source pointed to when it was first read; null before. */
    digest: text('digest').$type<Digest>(),
    /** Numbers of manifests and blobs, and their bytes; null until the manifests are read. */
    manifestCount: integer('manifest_count'),
    blobCount: integer('blob_count'),
    size: integer('size'),
    /** Blobs and bytes that the repository has, and bytes that were received. Current only when it is finished. */
    storedBlobCount: integer('stored_blob_count').notNull(),
    storedSize: integer('stored_size').notNull(),
    fetchedSize: integer('fetched_size').notNull(),
    /** Why it failed; null unless it did. */
    reason: text('reason'),
    message: text('message'),
  },
  (t) => [
    index('image_mirrorings_by_stream').on(t.namespace, t.imageStream, t.id),
    // read at start-up: those that a crash interrupted
    index('image_mirrorings_unfinished').on(t.state).where(sql`finished_at is null`),
  ],
)
