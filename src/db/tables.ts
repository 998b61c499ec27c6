import { sql } from 'drizzle-orm'
import {
  blob,
  check,
  foreignKey,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'
import type { Digest } from '../oci/digest.ts'
import type { TagName } from '../oci/tag.ts'

// Columns are typed as SQLite stores them, so that a row is the same by Drizzle and by a prepared statement.

const rowid = () => integer('id').primaryKey({ autoIncrement: true })
/** Milliseconds since 1970. */
const time = (name: string) => integer(name)
const flag = (name: string) => integer(name).$type<0 | 1>().notNull()
/** JSON text: `[{"key":…,"value":…}]`, ordered as the writer gave them. */
const keyValues = (name: string) => text(name).notNull()
const importMode = () => text('import_mode', { enum: ['Legacy', 'PreserveOriginal'] }).notNull()

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

export const images = sqliteTable(
  'images',
  {
    id: rowid(),
    digest: text('digest').$type<Digest>().notNull(),
    mediaType: text('media_type').notNull(),
    /** Pull spec by digest where the image was first seen. */
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
    /** What it runs on, an index's images counted: `linux/amd64 linux/arm64/v8`, sorted; null where nothing says. */
    platforms: text('platforms'),
  },
  (t) => [uniqueIndex('images_by_digest').on(t.digest), index('images_by_config').on(t.configDigest)],
)

/** Configs apart from manifests: many manifests share one, and each is fetched once. */
export const imageConfigs = sqliteTable('image_configs', {
  digest: text('digest').$type<Digest>().primaryKey(),
  bytes: blob('bytes', { mode: 'buffer' }).notNull(),
})

export const imports = sqliteTable(
  'imports',
  {
    id: rowid(),
    streamId: integer('stream_id').references(() => imageStreams.id, { onDelete: 'set null' }),
    /** JSON text: what was asked, so that a restarted server can finish it. */
    request: text('request').notNull(),
    state: text('state', {
      enum: ['PENDING', 'RUNNING', 'SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED'],
    }).notNull(),
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
    total: integer('total'),
    imported: integer('imported').notNull(),
    unchanged: integer('unchanged').notNull(),
    failed: integer('failed').notNull(),
    /** JSON text: tag names. */
    additionalTags: text('additional_tags').notNull(),
    /** JSON text: ids of the tag events that the unchanged tags were at, their results without a row each. */
    unchangedEvents: text('unchanged_events').notNull(),
    /** JSON text: those of them whose index is another one now, though the image taken of it is the same. */
    reindexedEvents: text('reindexed_events').notNull().default('[]'),
    /** Why the whole import failed. */
    reason: text('reason'),
    message: text('message'),
  },
  (t) => [
    index('imports_by_stream').on(t.streamId, t.id),
    // start-up looks for what a crash left unfinished
    index('imports_unfinished').on(t.state).where(sql`finished_at is null`),
  ],
)

/** The tags that an import could not bring in; those that it did are its tag events. */
export const importFailures = sqliteTable(
  'import_failures',
  {
    importId: integer('import_id')
      .notNull()
      .references(() => imports.id, { onDelete: 'cascade' }),
    tag: text('tag').$type<TagName>().notNull(),
    importance: text('importance').notNull(),
    reason: text('reason').notNull(),
    message: text('message').notNull(),
  },
  (t) => [primaryKey({ columns: [t.importId, t.tag] })],
)

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

/** What is imported again and again without being asked. */
export const importSchedules = sqliteTable(
  'import_schedules',
  {
    id: rowid(),
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    /** The spec tag; empty for the stream's repository. */
    tag: text('tag').$type<TagName | ''>().notNull(),
    dueAt: time('due_at').notNull(),
    /** When an import last brought it in without a failure; null when none did. */
    succeededAt: time('succeeded_at'),
    failedAt: time('failed_at'),
    /** Why the newest import failed; null when it did not. */
    reason: text('reason'),
    message: text('message'),
  },
  (t) => [
    uniqueIndex('import_schedules_by_stream').on(t.streamId, t.tag),
    index('import_schedules_by_due').on(t.dueAt),
  ],
)

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
