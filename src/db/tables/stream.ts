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
import { flag, importMode, keyValues, rowid, time } from './columns.ts'

export const imageStreams = sqliteTable(
  'image_streams',
  {
    // never used twice: a node id, a log entry or an import keeps meaning the stream that it was made for
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
    /** Host of that repository, as references name it: `docker.io`. */
    registry: text('registry'),
    /** Generation in which the repository or how it is imported last changed. */
    repositoryGeneration: integer('repository_generation').notNull(),
    insecure: flag('insecure'),
    scheduled: flag('scheduled'),
    importMode: importMode(),
    lookupLocal: flag('lookup_local'),
    /** RFC 3339 time of the last finished import, else why it failed. */
    repositoryCheck: text('repository_check'),
    /** When an import last brought in, or found unchanged, all that it was asked for; null when none did. */
    checkedAt: time('checked_at'),
    /** When one of its tags last got another image; 0 when none ever had one. */
    newestAt: time('newest_at').notNull().default(0),
  },
  (t) => [
    uniqueIndex('image_streams_by_name').on(t.namespace, t.name),
    index('image_streams_by_own_name').on(t.name),
    index('image_streams_by_newest').on(t.newestAt, t.id),
    index('image_streams_by_newest_in_namespace').on(t.namespace, t.newestAt, t.id),
    index('image_streams_by_registry').on(t.registry, t.id),
    index('image_streams_by_checked').on(t.checkedAt),
  ],
)

/** The labels of streams, by which they are found; in the stream's own row they are as they were written. */
export const streamLabels = sqliteTable(
  'stream_labels',
  {
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    key: text('key').notNull(),
    value: text('value').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.key] }),
    index('stream_labels_by_label').on(t.key, t.value, t.streamId),
  ],
)

export const specTags = sqliteTable(
  'spec_tags',
  {
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    name: text('name').$type<TagName>().notNull(),
    /** Where it stands among the stream's spec tags, from 0: as they were given. */
    position: integer('position').notNull().default(0),
    annotations: keyValues('annotations'),
    fromKind: text('from_kind', { enum: ['DockerImage', 'ImageStreamTag', 'ImageStreamImage'] }),
    fromName: text('from_name'),
    fromNamespace: text('from_namespace'),
    /** Host of the registry that a `DockerImage` comes from. */
    registry: text('registry'),
    /** JSON text of a rule: the tag means whichever tag it chooses, of `from`'s repository or else of its own stream. */
    policy: text('policy'),
    reference: flag('reference'),
    /** The stream's generation in which this spec tag last changed. */
    generation: integer('generation').notNull(),
    insecure: flag('insecure'),
    scheduled: flag('scheduled'),
    importMode: importMode(),
    referencePolicy: text('reference_policy', { enum: ['Source', 'Local'] }).notNull(),
    /** The tag that it follows, wherever it is and whether it exists; null where it follows none. */
    followsNamespace: text('follows_namespace'),
    followsStream: text('follows_stream'),
    followsTag: text('follows_tag').$type<TagName>(),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.name] }),
    index('spec_tags_by_followed').on(t.followsNamespace, t.followsStream, t.followsTag),
    index('spec_tags_by_registry').on(t.registry, t.streamId).where(sql`registry is not null`),
    index('spec_tags_with_policy').on(t.streamId).where(sql`policy is not null`),
  ],
)

/** What the rules of spec tags chose. */
export const policyChoices = sqliteTable(
  'policy_choices',
  {
    streamId: integer('stream_id').notNull(),
    tag: text('tag').$type<TagName>().notNull(),
    /** The tag that was chosen; null when none could be. */
    chosen: text('chosen').$type<TagName>(),
    /** When the rule was last applied. */
    decidedAt: time('decided_at').notNull(),
    /** JSON text: why, where the tags to choose from are a registry's; those of the own stream can be looked at again. */
    report: text('report'),
  },
  (t) => [
    primaryKey({ columns: [t.streamId, t.tag] }),
    foreignKey({ columns: [t.streamId, t.tag], foreignColumns: [specTags.streamId, specTags.name] }).onDelete(
      'cascade',
    ),
  ],
)
