import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { flag, rowid, time } from './columns.ts'
import { images } from './image.ts'
import { imageStreams } from './stream.ts'

/** Repositories of the integrated registry. One that has blobs but no manifest yet has no stream. */
export const repositories = sqliteTable(
  'repositories',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    name: text('name').notNull(),
    createdAt: time('created_at').notNull(),
    /** The image stream of the same name: the repository goes with it. */
    streamId: integer('stream_id').references(() => imageStreams.id, { onDelete: 'cascade' }),
  },
  (t) => [
    uniqueIndex('repositories_by_name').on(t.namespace, t.name),
    index('repositories_by_stream').on(t.streamId),
  ],
)

/** Blobs whose bytes are whole, verified and synced in the blob store. */
export const blobs = sqliteTable('blobs', {
  digest: text('digest').$type<Digest>().primaryKey(),
  /** Bytes. */
  size: integer('size').notNull(),
  storedAt: time('stored_at').notNull(),
})

/** Which repository may serve which blob: known by its digest alone, a blob is nobody's. */
export const repositoryBlobs = sqliteTable(
  'repository_blobs',
  {
    repositoryId: integer('repository_id')
      .notNull()
      .references(() => repositories.id, { onDelete: 'cascade' }),
    digest: text('digest')
      .$type<Digest>()
      .notNull()
      .references(() => blobs.digest),
    /** When a client was last told that it is here; what builds on that has the lease's time to arrive. */
    confirmedAt: time('confirmed_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.repositoryId, t.digest] }),
    index('repository_blobs_by_digest').on(t.digest),
  ],
)

/** Which repository may serve which manifest; its bytes are the image's. */
export const repositoryManifests = sqliteTable(
  'repository_manifests',
  {
    repositoryId: integer('repository_id')
      .notNull()
      .references(() => repositories.id, { onDelete: 'cascade' }),
    digest: text('digest').$type<Digest>().notNull(),
    imageId: integer('image_id')
      .notNull()
      .references(() => images.id),
    /** Digest of the manifest that this one is about: a signature's image. */
    subject: text('subject').$type<Digest>(),
    /** Its own, else its config's media type; null for an index without one. */
    artifactType: text('artifact_type'),
    /** Pull spec by digest of where its content is fetched from on first use; null for what was pushed here. */
    source: text('source'),
    /** Whether the source may speak plain HTTP or show a certificate that does not verify. */
    insecure: flag('insecure'),
    pushedAt: time('pushed_at').notNull(),
    /** As a blob's. */
    confirmedAt: time('confirmed_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.repositoryId, t.digest] }),
    index('repository_manifests_by_subject').on(t.repositoryId, t.subject, t.digest),
    index('repository_manifests_by_image').on(t.imageId, t.repositoryId),
  ],
)

/** What the manifests that repositories hold name: config, layers and children. */
export const manifestReferences = sqliteTable(
  'manifest_references',
  {
    imageId: integer('image_id')
      .notNull()
      .references(() => images.id, { onDelete: 'cascade' }),
    digest: text('digest').$type<Digest>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.imageId, t.digest] }),
    index('manifest_references_by_digest').on(t.digest),
  ],
)

/** Runs of the garbage collection. */
export const collections = sqliteTable('collections', {
  id: rowid(),
  startedAt: time('started_at').notNull(),
  /** Null while it runs, and for good when the server ended meanwhile. */
  finishedAt: time('finished_at'),
  /** What went. */
  manifests: integer('manifests').notNull(),
  blobs: integer('blobs').notNull(),
  uploads: integer('uploads').notNull(),
  /** Bytes of disk that came back. */
  bytes: integer('bytes').notNull(),
  /** Why it ended early. */
  message: text('message'),
})

/** What an external registry told: kept until it is done, and then for a while to know it again. */
export const registryNotifications = sqliteTable(
  'registry_notifications',
  {
    /** In the order in which they came. */
    id: rowid(),
    /** The registry's own name of the event: a second delivery has the same. */
    eventId: text('event_id').notNull(),
    action: text('action', { enum: ['push', 'delete'] }).notNull(),
    repository: text('repository').notNull(),
    tag: text('tag').$type<TagName>(),
    digest: text('digest').$type<Digest>(),
    /** By the registry's clock. */
    occurredAt: time('occurred_at').notNull(),
    receivedAt: time('received_at').notNull(),
    handledAt: time('handled_at'),
  },
  (t) => [
    uniqueIndex('registry_notifications_by_event').on(t.eventId),
    index('registry_notifications_by_tag').on(t.repository, t.tag, t.occurredAt),
    index('registry_notifications_open').on(t.id).where(sql`handled_at is null`),
  ],
)
