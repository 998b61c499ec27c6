import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { failureReason, ownerKey, rowid, time } from './columns.ts'

/** Copies of images from a registry to another, each with its request and result. */
export const imageMirrorings = sqliteTable(
  'image_mirrorings',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    /** Stream that gets the images; empty for a destination in another registry. */
    imageStream: text('image_stream').notNull(),
    /** `registry/repository` of another registry that gets the images; null for the stream. */
    toRepository: text('to_repository'),
    /** Tag that points to the image when all of it is stored; empty for several tags, and for an image without a tag. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    /** Reference that is copied, with its defaults; of several images their repository, or their stream `namespace/name`. */
    source: text('source').notNull(),
    /** Pattern over the tags of the source that are copied; null for one image. */
    tagPattern: text('tag_pattern'),
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
    /** When its tags were listed; null before. */
    listedAt: time('listed_at'),
    /** Numbers of its tags: of all that were listed, and of those that ended, by their state. */
    tagCount: integer('tag_count').notNull().default(0),
    copiedTagCount: integer('copied_tag_count').notNull().default(0),
    unchangedTagCount: integer('unchanged_tag_count').notNull().default(0),
    failedTagCount: integer('failed_tag_count').notNull().default(0),
    skippedTagCount: integer('skipped_tag_count').notNull().default(0),
    /** Why it failed; null unless it did. */
    reason: failureReason('reason'),
    message: text('message'),
  },
  (t) => [
    index('image_mirrorings_by_stream').on(t.namespace, t.imageStream, t.id),
    // read at start-up: those that a crash interrupted
    index('image_mirrorings_unfinished').on(t.state).where(sql`finished_at is null`),
  ],
)

/** The images of a mirroring, each with the tag that it is copied to and the outcome. */
export const mirroredTags = sqliteTable(
  'mirrored_tags',
  {
    id: rowid(),
    mirroringId: ownerKey('mirroring_id', () => imageMirrorings.id),
    /** Reference that is copied, with its defaults. */
    source: text('source').notNull(),
    /** Tag that points to the image afterwards; null for an image that is copied by its digest alone. */
    tag: text('tag').$type<TagName>(),
    state: text('state', { enum: ['PENDING', 'COPIED', 'UNCHANGED', 'FAILED', 'SKIPPED'] }).notNull(),
    finishedAt: time('finished_at'),
    /** Image that the source pointed to when it was first read; null before. */
    digest: text('digest').$type<Digest>(),
    /** As of the mirroring. Those of a copy that is interrupted are counted again. */
    manifestCount: integer('manifest_count'),
    blobCount: integer('blob_count'),
    size: integer('size'),
    storedBlobCount: integer('stored_blob_count').notNull().default(0),
    storedSize: integer('stored_size').notNull().default(0),
    fetchedSize: integer('fetched_size').notNull().default(0),
    reason: failureReason('reason'),
    message: text('message'),
  },
  (t) => [
    index('mirrored_tags_by_mirroring').on(t.mirroringId, t.id),
    index('mirrored_tags_by_state').on(t.mirroringId, t.state, t.id),
  ],
)
