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
import type { TagName } from '../../oci/tag.ts'
import {
  conditionColumns,
  failureReason,
  flag,
  importMode,
  keyValues,
  ownerKey,
  rowid,
  time,
} from './columns.ts'

/** Image streams: their specification and summaries of their state. */
export const imageStreams = sqliteTable(
  'image_streams',
  {
    // not reused: node ids, log entries and imports keep identifying the stream for which they were created
    id: rowid(),
    uid: text('uid').notNull(),
    namespace: text('namespace').notNull(),
    name: text('name').notNull(),
    generation: integer('generation').notNull(),
    resourceVersion: integer('resource_version').notNull(),
    createdAt: time('created_at').notNull(),
    labels: keyValues('labels'),
    annotations: keyValues('annotations'),
    dockerImageRepository: text('docker_image_repository'),
    /** Registry of that repository, as in references: `docker.io`. */
    registry: text('registry'),
    /** Generation in which the repository or its import settings last changed. */
    repositoryGeneration: integer('repository_generation').notNull(),
    insecure: flag('insecure'),
    scheduled: flag('scheduled'),
    importMode: importMode(),
    lookupLocal: flag('lookup_local'),
    /** RFC 3339 time of the last finished import, or why it failed. */
    repositoryCheck: text('repository_check'),
    /** When an import last succeeded for all requested tags; null for never. */
    checkedAt: time('checked_at'),
    /** When one of its tags last changed to another image; 0 when none has had an image. */
    newestAt: time('newest_at').notNull().default(0),
    /** When it was deleted; null for a stream that exists. A deleted stream has an empty spec, no label and only removed tags. */
    deletedAt: time('deleted_at'),
    /** JSON text: its spec when it was deleted. */
    deletedSpec: text('deleted_spec'),
  },
  (t) => [
    uniqueIndex('image_streams_by_name').on(t.namespace, t.name).where(sql`deleted_at is null`),
    index('image_streams_by_uid').on(t.uid),
    index('image_streams_by_deletion').on(t.deletedAt).where(sql`deleted_at is not null`),
    index('image_streams_deleted').on(t.namespace, t.deletedAt, t.id).where(sql`deleted_at is not null`),
    index('image_streams_by_own_name').on(t.name).where(sql`deleted_at is null`),
    index('image_streams_by_newest').on(t.newestAt, t.id).where(sql`deleted_at is null`),
    index('image_streams_by_newest_in_namespace')
      .on(t.namespace, t.newestAt, t.id)
      .where(sql`deleted_at is null`),
    index('image_streams_by_registry').on(t.registry, t.id),
    index('image_streams_by_checked').on(t.checkedAt),
  ],
)

/** Labels of streams, for search. The stream's own row has them in the order of the input. */
export const streamLabels = sqliteTable(
  'stream_labels',
  {
    streamId: ownerKey('stream_id', () => imageStreams.id),
    key: text('key').notNull(),
    value: text('value').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.key] }),
    index('stream_labels_by_label').on(t.key, t.value, t.streamId),
  ],
)

/** Conditions of streams, such as `ImportSuccess` while the whole repository cannot be imported. */
export const streamConditions = sqliteTable(
  'stream_conditions',
  {
    streamId: ownerKey('stream_id', () => imageStreams.id),
    ...conditionColumns(),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.type] }),
    index('stream_conditions_by_reason').on(t.reason, t.streamId),
  ],
)

/** Spec tags of streams. */
export const specTags = sqliteTable(
  'spec_tags',
  {
    streamId: ownerKey('stream_id', () => imageStreams.id),
    name: text('name').$type<TagName>().notNull(),
    /** Tags with lower numbers come before it, as in the input; there may be gaps. */
    position: integer('position').notNull().default(0),
    annotations: keyValues('annotations'),
    fromKind: text('from_kind', { enum: ['DockerImage', 'ImageStreamTag', 'ImageStreamImage'] }),
    fromName: text('from_name'),
    fromNamespace: text('from_namespace'),
    /** Registry of a `DockerImage`. */
    registry: text('registry'),
    /** JSON text of a policy, which chooses a tag of `from`'s repository, or of its own stream without `from`. */
    policy: text('policy'),
    reference: flag('reference'),
    /** The stream's generation in which this spec tag last changed. */
    generation: integer('generation').notNull(),
    insecure: flag('insecure'),
    scheduled: flag('scheduled'),
    importMode: importMode(),
    referencePolicy: text('reference_policy', { enum: ['Source', 'Local'] }).notNull(),
    /** The tag that it follows, which may not exist; null when it follows none. */
    followsNamespace: text('follows_namespace'),
    followsStream: text('follows_stream'),
    followsTag: text('follows_tag').$type<TagName>(),
    /**
     * Id of the principal who wrote it: the tag moves with another stream's only while the principal may pull there. Null for
     * one that was written without sign-in.
     */
    writtenBy: text('written_by'),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.name] }),
    index('spec_tags_in_order').on(t.streamId, t.position),
    index('spec_tags_by_followed').on(t.followsNamespace, t.followsStream, t.followsTag),
    index('spec_tags_by_registry').on(t.registry, t.streamId).where(sql`registry is not null`),
    index('spec_tags_with_policy').on(t.streamId).where(sql`policy is not null`),
  ],
)

/** Tags that the policies of spec tags chose. */
export const policyChoices = sqliteTable(
  'policy_choices',
  {
    streamId: integer('stream_id').notNull(),
    tag: text('tag').$type<TagName>().notNull(),
    /**
     * The chosen tag; null when no tag can be chosen. Of a policy over a repository, the tag that was last imported: it stays
     * when an import fails.
     */
    chosen: text('chosen').$type<TagName>(),
    /** When the policy was last applied. */
    decidedAt: time('decided_at').notNull(),
    /** JSON text: the reasons for candidates in a registry. Null for those of the own stream: they can be computed again. */
    report: text('report'),
    /** When a complete list first lacked the chosen tag of a repository that cannot be asked by name; null otherwise. */
    missingSince: time('missing_since'),
    /**
     * Why tags of a repository that rank higher than the imported choice, or may do so, were passed over: their images cannot
     * be used. Null when there are none.
     */
    passedOverReason: failureReason('passed_over_reason'),
    passedOverMessage: text('passed_over_message'),
    /** Since when imports have passed over such tags. */
    passedOverSince: time('passed_over_since'),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.tag] }),
    foreignKey({ columns: [t.streamId, t.tag], foreignColumns: [specTags.streamId, specTags.name] }).onDelete(
      'cascade',
    ),
  ],
)
