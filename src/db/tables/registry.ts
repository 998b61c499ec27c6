import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { flag, keyOf, ownerKey, rowid, time } from './columns.ts'
import { imageStreams } from './stream.ts'
import { images } from './tag.ts'

/** Repositories of the integrated registry. A repository with blobs but no manifest has no stream. */
export const repositories = sqliteTable(
  'repositories',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    name: text('name').notNull(),
    createdAt: time('created_at').notNull(),
    /** The image stream of the same name; the repository is deleted with it. */
    streamId: integer('stream_id').references(() => imageStreams.id, { onDelete: 'cascade' }),
  },
  (t) => [
    uniqueIndex('repositories_by_name').on(t.namespace, t.name),
    index('repositories_by_stream').on(t.streamId),
  ],
)

/** Blobs whose bytes are complete, verified and synced in the blob store. */
export const blobs = sqliteTable('blobs', {
  digest: text('digest').$type<Digest>().primaryKey(),
  /** Bytes. */
  size: integer('size').notNull(),
  storedAt: time('stored_at').notNull(),
})

/** Blobs that each repository serves. Knowing a digest does not give access to the blob in another repository. */
export const repositoryBlobs = sqliteTable(
  'repository_blobs',
  {
    repositoryId: ownerKey('repository_id', () => repositories.id),
    digest: text('digest')
      .$type<Digest>()
      .notNull()
      .references(() => blobs.digest),
    /** Start of the blob's lease: when a response last confirmed to a client that the repository has the blob. */
    confirmedAt: time('confirmed_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.repositoryId, t.digest] }),
    index('repository_blobs_by_digest').on(t.digest),
  ],
)

/** Manifests that each repository serves; their bytes are in `images`. */
export const repositoryManifests = sqliteTable(
  'repository_manifests',
  {
    repositoryId: ownerKey('repository_id', () => repositories.id),
    digest: text('digest').$type<Digest>().notNull(),
    imageId: keyOf('image_id', () => images.id),
    /** Digest of the manifest that this one refers to, for example the image of a signature. */
    subject: text('subject').$type<Digest>(),
    /** The manifest's artifact type, else its config's media type; null for an index without artifact type. */
    artifactType: text('artifact_type'),
    /** Pull spec by digest from which its content is fetched on first use; null for a pushed manifest. */
    source: text('source'),
    /** Whether the source may use plain HTTP or a certificate that does not verify. */
    insecure: flag('insecure'),
    pushedAt: time('pushed_at').notNull(),
    /** Start of the manifest's lease, as for a blob. */
    confirmedAt: time('confirmed_at').notNull(),
    /**
     * Repository that a tag of the stream last got the manifest from, or that it belongs to as a child or referrer; null for
     * one that was only pushed or pulled through here, and after that repository was deleted.
     */
    copiedFrom: integer('copied_from').references(() => repositories.id, { onDelete: 'set null' }),
  },
  (t) => [
    primaryKey({ columns: [t.repositoryId, t.digest] }),
    index('repository_manifests_by_subject').on(t.repositoryId, t.subject, t.digest),
    index('repository_manifests_by_image').on(t.imageId, t.repositoryId),
    index('repository_manifests_by_origin').on(t.copiedFrom, t.digest).where(sql`copied_from is not null`),
  ],
)

/** Digests that the manifests of repositories refer to: config, layers and children. */
export const manifestReferences = sqliteTable(
  'manifest_references',
  {
    imageId: ownerKey('image_id', () => images.id),
    digest: text('digest').$type<Digest>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.imageId, t.digest] }),
    index('manifest_references_by_digest').on(t.digest),
  ],
)

/** Indexes with indexes among their children: few images have them. */
export const nestedIndexes = sqliteTable('nested_indexes', {
  imageId: ownerKey('image_id', () => images.id).primaryKey(),
  /** Levels of indexes, its own included: 2 or more. */
  levels: integer('levels').notNull(),
})

/** Runs of garbage collection. */
export const collections = sqliteTable('collections', {
  id: rowid(),
  startedAt: time('started_at').notNull(),
  /** Null while it runs, and when the server ended during the run. */
  finishedAt: time('finished_at'),
  /** Numbers of removed manifests, blobs and uploads. */
  manifests: integer('manifests').notNull(),
  blobs: integer('blobs').notNull(),
  uploads: integer('uploads').notNull(),
  /** Bytes of disk that were freed. */
  bytes: integer('bytes').notNull(),
  /** Why it ended early; null unless it did. */
  message: text('message'),
})

/** Notifications of an external registry: a durable queue. Handled rows are kept for a while to recognize duplicates. */
export const registryNotifications = sqliteTable(
  'registry_notifications',
  {
    /** In the order of arrival. */
    id: rowid(),
    /** The registry's id of the event; a repeated delivery has the same. */
    eventId: text('event_id').notNull(),
    action: text('action', { enum: ['push', 'delete'] }).notNull(),
    repository: text('repository').notNull(),
    tag: text('tag').$type<TagName>(),
    digest: text('digest').$type<Digest>(),
    /** Time by the registry's clock. */
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
