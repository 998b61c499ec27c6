import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import {
  conditionColumns,
  failureReason,
  flag,
  keyOf,
  ownerKey,
  REMOVAL_REASONS,
  rowid,
  time,
} from './columns.ts'
import { imageStreams } from './stream.ts'

/** Manifests by digest: of images, indexes and artifacts. */
export const images = sqliteTable(
  'images',
  {
    id: rowid(),
    digest: text('digest').$type<Digest>().notNull(),
    mediaType: text('media_type').notNull(),
    /** Whether it is an image, an index of images, or an artifact. */
    kind: text('kind', { enum: ['IMAGE', 'INDEX', 'ARTIFACT'] })
      .notNull()
      .default('IMAGE'),
    /** Type of an artifact; null for others, and for an artifact that declares none. */
    artifactType: text('artifact_type'),
    /** Pull spec by digest of the repository in which the image was last found. */
    dockerImageReference: text('docker_image_reference').notNull(),
    /** The exact bytes that hash to the digest. */
    manifest: blob('manifest', { mode: 'buffer' }).notNull(),
    configDigest: text('config_digest')
      .$type<Digest>()
      .references(() => imageConfigs.digest),
    /** Bytes of manifest, config and distinct layers; null for an index whose children are not all known. */
    size: integer('size'),
    createdAt: time('created_at'),
    os: text('os'),
    architecture: text('architecture'),
    variant: text('variant'),
    /** Platforms of the image, or of all images of the index: `linux/amd64 linux/arm64/v8`, sorted; null when unknown. */
    platforms: text('platforms'),
    /** Whether it was ever pushed; others were only imported. */
    pushed: flag('pushed').default(0),
  },
  (t) => [
    uniqueIndex('images_by_digest').on(t.digest),
    index('images_by_config').on(t.configDigest),
    index('images_by_kind').on(t.kind, t.id),
  ],
)

/**
 * Images that came with an index: its registry sent them, or its repository had them when it was pushed. What an index only
 * lists is not here: a client that knows a digest can write an index that lists it.
 */
export const imageChildren = sqliteTable(
  'image_children',
  {
    imageId: ownerKey('image_id', () => images.id),
    indexId: ownerKey('index_id', () => images.id),
  },
  (t) => [primaryKey({ columns: [t.imageId, t.indexId] }), index('image_children_by_index').on(t.indexId)],
)

/** Images whose content a namespace got: from a registry, with its credentials, or by a push. It may use them again. */
export const confirmedImages = sqliteTable(
  'confirmed_images',
  {
    imageId: ownerKey('image_id', () => images.id),
    namespace: text('namespace').notNull(),
  },
  (t) => [primaryKey({ columns: [t.imageId, t.namespace] })],
)

/** Configs, separate from manifests: several manifests can share one, and each is fetched once. */
export const imageConfigs = sqliteTable('image_configs', {
  digest: text('digest').$type<Digest>().primaryKey(),
  bytes: blob('bytes', { mode: 'buffer' }).notNull(),
})

/** Tags of streams, with summaries of their newest event. */
export const tags = sqliteTable(
  'tags',
  {
    id: rowid(),
    streamId: ownerKey('stream_id', () => imageStreams.id),
    name: text('name').$type<TagName>().notNull(),
    /** Sort keys derived from the name. Ascending: the most important tag first, and the highest version first. */
    importance: text('importance').notNull(),
    version: text('version').notNull(),
    /** The tag event that the tag points to; null when it has had no image. */
    newestEventId: integer('newest_event_id'),
    /** 0 when it has had no image: such tags come last. */
    newestAt: time('newest_at').notNull(),
    newestImageId: integer('newest_image_id'),
    /** Digest that the registry last reported: that of the index when one platform's image was imported from it. */
    upstreamDigest: text('upstream_digest').$type<Digest>(),
    /** Platforms of the image that the tag points to, as in `images`. */
    platforms: text('platforms'),
    /** 1 when its image is an artifact, or its name is that of referrers of another image: lists of images omit it. */
    artifact: flag('artifact').default(0),
    /** Reason of the tag's failing condition; null when its last import succeeded. */
    failing: failureReason('failing'),
    /** When a complete tag list of its repository first lacked it; null while it is listed or found by name. */
    missingSince: time('missing_since'),
    /** When its registry confirmed that it does not have the tag; null while it has, also if a later request fails. */
    goneAt: time('gone_at'),
    /**
     * When the tag was removed; null for a tag of the stream. A removed tag keeps its history. It has no newest event, no image
     * and no condition.
     */
    removedAt: time('removed_at'),
    /** JSON text: its spec tag when it was removed; null when it had none. */
    removedSpec: text('removed_spec'),
  },
  (t) => [
    uniqueIndex('tags_by_name').on(t.streamId, t.name),
    index('tags_by_importance').on(t.streamId, t.importance).where(sql`removed_at is null`),
    index('tags_by_version').on(t.streamId, t.version).where(sql`removed_at is null`),
    index('tags_by_newest').on(t.streamId, t.newestAt, t.id).where(sql`removed_at is null`),
    index('tags_by_newest_of_all').on(t.newestAt, t.id).where(sql`removed_at is null`),
    index('tags_removed').on(t.streamId, t.removedAt, t.id).where(sql`removed_at is not null`),
    index('tags_by_image').on(t.newestImageId, t.streamId, t.id),
    index('tags_by_platforms').on(t.platforms, t.streamId),
    index('tags_by_failing').on(t.failing, t.streamId).where(sql`failing is not null`),
  ],
)

/** History of tags: each row is an image that a tag pointed to. */
export const tagEvents = sqliteTable(
  'tag_events',
  {
    // ascending in commit order: a tag's history is its events by descending id
    id: rowid(),
    tagId: ownerKey('tag_id', () => tags.id),
    imageId: keyOf('image_id', () => images.id),
    dockerImageReference: text('docker_image_reference').notNull(),
    generation: integer('generation').notNull(),
    createdAt: time('created_at').notNull(),
    /** The import that created it; no foreign key, since the event outlives the import's row. */
    importId: integer('import_id'),
    /** When the tag was removed while it pointed to this image, at the earliest at `createdAt`; null when it was not. */
    removedAt: time('removed_at'),
    /** Why it was removed; null when it was not. */
    removedReason: text('removed_reason', { enum: REMOVAL_REASONS }),
  },
  (t) => [
    index('tag_events_with_removal').on(t.tagId, t.id).where(sql`removed_at is not null`),
    index('tag_events_by_tag').on(t.tagId, t.id),
    index('tag_events_by_import').on(t.importId).where(sql`import_id is not null`),
    index('tag_events_by_image').on(t.imageId, t.id),
  ],
)

/** Conditions of tags, such as `ImportSuccess`. */
export const tagConditions = sqliteTable(
  'tag_conditions',
  {
    tagId: ownerKey('tag_id', () => tags.id),
    ...conditionColumns(),
  },
  (t) => [primaryKey({ columns: [t.tagId, t.type] })],
)
