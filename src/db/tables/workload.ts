import { sql } from 'drizzle-orm'
import {
  foreignKey,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { clusters } from './cluster.ts'
import { flag, ownerKey, rowid, time } from './columns.ts'

/** Objects of clusters that run containers or build images, and have triggers or run an image that is known here. */
export const workloads = sqliteTable(
  'workloads',
  {
    id: rowid(),
    clusterId: ownerKey('cluster_id', () => clusters.id),
    /** Namespace of the cluster. */
    namespace: text('namespace').notNull(),
    kind: text('kind').notNull(),
    name: text('name').notNull(),
    /** Digest of its triggers and of the version of its spec, as observed last; null for an object without triggers. */
    version: text('version'),
    /** JSON text: `[{"reason":…,"message":…,"remedy":…,"fieldPath":…,"since":…}]`, of what prevents its images from being set. */
    conditions: text('conditions').notNull().default('[]'),
    /** When it is to be compared with its tags; null while nothing has changed. */
    dueAt: time('due_at'),
    /** Number of the changes that made it due: a comparison that began before the last of them does not settle it. */
    marked: integer('marked').notNull().default(0),
    /** Failed comparisons since the last that succeeded. */
    failureCount: integer('failures').notNull().default(0),
    createdAt: time('created_at').notNull(),
  },
  (t) => [
    uniqueIndex('workloads_by_name').on(t.clusterId, t.namespace, t.kind, t.name),
    index('workloads_due').on(t.clusterId, t.dueAt).where(sql`due_at is not null`),
  ],
)

/** Containers of workloads, and the tags that they follow or whose images they have. */
export const workloadContainers = sqliteTable(
  'workload_containers',
  {
    workloadId: ownerKey('workload_id', () => workloads.id),
    /** Name of the container; of a BuildConfig, the tag that it builds from: `shop/ruby:3.3`. */
    name: text('name').notNull(),
    /** The image as the object specifies it. */
    image: text('image').notNull(),
    /** The digest in `image`; null for an image by tag. */
    digest: text('digest').$type<Digest>(),
    /** The stream of the image; null where none is known. It may not exist. */
    streamNamespace: text('stream_namespace'),
    streamName: text('stream_name'),
    tag: text('tag').$type<TagName>(),
    /** Whether a trigger of the object sets the image. */
    isFollowing: flag('is_following'),
    /** The image that was last set here; null for none. */
    appliedImage: text('applied_image'),
    /** Number of times that the field manager replaced it since `revertedSince`. */
    revertCount: integer('revert_count').notNull().default(0),
    revertedBy: text('reverted_by'),
    revertedSince: time('reverted_since'),
  },
  (t) => [
    primaryKey({ columns: [t.workloadId, t.name] }),
    index('workload_containers_by_tag')
      .on(t.streamNamespace, t.streamName, t.tag)
      .where(sql`stream_name is not null`),
    index('workload_containers_by_digest').on(t.digest).where(sql`digest is not null`),
  ],
)

/** The images that pods of a workload's container run. */
export const workloadImages = sqliteTable(
  'workload_images',
  {
    workloadId: integer('workload_id').notNull(),
    container: text('container').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    podCount: integer('pods').notNull(),
    /** When the first of these pods started. */
    since: time('since').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workloadId, t.container, t.digest] }),
    foreignKey({
      columns: [t.workloadId, t.container],
      foreignColumns: [workloadContainers.workloadId, workloadContainers.name],
    }).onDelete('cascade'),
    index('workload_images_by_digest').on(t.digest),
  ],
)
