import { eq, sql } from 'drizzle-orm'
import type { SQLiteUpdateSetSource } from 'drizzle-orm/sqlite-core'
import { quotaGuardOf } from '../../access/quota/quota-guard.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, streamLabels } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { AlreadyExistsError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { parseReference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Importer } from '../import/import.ts'
import type { ChangeRecorder } from '../record/change-record.ts'
import { createProtectedTags } from '../record/protected-tags.ts'
import { createRemoveSpecTags } from '../record/remove-spec-tags.ts'
import { requireSources } from '../spec/source-rights.ts'
import {
  type ImageStream,
  isImportable,
  type NamedSpecTag,
  type Spec,
  type SpecTagContent,
} from '../spec/spec.ts'
import { type BlockOf, checkSources, NO_SOURCES, type SourceField } from '../spec/spec-admission.ts'
import { type SpecDifference, specDifference } from '../spec/spec-difference.ts'
import type { Following } from '../stream/follow.ts'
import { createSpecTagRows } from '../stream/spec-tag-rows.ts'
import type { Streams } from '../stream/stream.ts'
import type { StreamConditions } from '../stream/stream-conditions.ts'

/** Labels and annotations of a stream, as JSON text for their columns. */
export type StreamMetadata = Pick<ImageStream, 'labels' | 'annotations'>

export interface WriteOptions {
  /** Labels and annotations; by default those of the stream stay. */
  readonly metadata?: StreamMetadata
  /** Returns the field of a source, for errors; by default its place in the spec. */
  readonly fieldOf?: SourceField
  /** False where the change is part of another one that the log has; true by default. */
  readonly isLogged?: boolean
  /**
   * True where spec tags are restored: their tags have images already, and move only with a tag that they follow; a source
   * that is blocked now is restored as it would have stayed. False by default.
   */
  readonly isRestored?: boolean
}

/** A stream to insert. */
export interface NewStream extends Pick<WriteOptions, 'metadata' | 'fieldOf'> {
  readonly name: StreamName
  readonly spec: Spec
}

/** A stream that gets another spec. */
export interface SpecWrite extends WriteOptions {
  readonly stream: ImageStream
  readonly spec: Spec
}

/** The part of a written spec that can be imported and was not before. */
export interface SpecChange {
  readonly stream: ImageStream
  /** Whether the repository, or how it is imported, changed. */
  readonly repository: boolean
  /** Spec tags that were added or changed. */
  readonly specTags: readonly TagName[]
}

/** Writes of specs inside the transaction of a command. */
export type SpecWriter = ReturnType<typeof createSpecWriter>

export interface SpecWriterDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly streamConditions: Pick<StreamConditions, 'clearFailure'>
  readonly following: Following
  readonly recordChange: ChangeRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly uuid: () => string
  readonly blockOf: BlockOf
  /** Runs in the transaction that wrote a stream's spec, new or changed, with the tags that were added, changed or removed. */
  readonly onSpecWritten: (tx: Transaction, stream: ImageStream, tags: readonly TagName[]) => void
}

/** Requests the import of a written spec. Returns its id; null when nothing can be imported that was not before. */
export const importChange = (
  tx: Transaction,
  importer: Pick<Importer, 'request'>,
  { stream, repository, specTags }: SpecChange,
): number | null =>
  repository || specTags.length > 0
    ? importer.request(tx, stream.id, { repository, specTags, repositoryTags: [] })
    : null

const NO_METADATA: StreamMetadata = { labels: '[]', annotations: '[]' }

export function createSpecWriter(dependencies: SpecWriterDependencies) {
  const { db, streams, streamConditions, following, recordChange } = dependencies
  const { now, uuid, blockOf, onSpecWritten } = dependencies
  const specTagRows = createSpecTagRows(db, following)
  const { removeSpecTags } = createRemoveSpecTags(db)
  const { requireMovable } = createProtectedTags(db)
  const quota = quotaGuardOf(db)

  const recordSources = (tx: Transaction, streamId: number, tags: readonly TagName[]): void => {
    for (const tag of tags) recordChange(tx, { kind: 'TAG_SOURCE_CHANGED', streamId, tag })
  }

  return {
    /**
     * Inserts a stream, which requires the right to create it. Throws InvalidInputError, AlreadyExistsError, and the errors of
     * `writeSpec`.
     */
    insert(
      tx: Transaction,
      viewer: Viewer,
      { name: { namespace, name }, spec, metadata = NO_METADATA, fieldOf = fieldIn(spec) }: NewStream,
    ): SpecChange {
      requireRight(viewer, 'create', { namespace, name })
      checkNamespace(namespace)
      checkStreamName(namespace, name)
      const sources = { before: NO_SOURCES, after: spec }
      const tags = [...spec.tags]
      const names = tags.map(([tag]) => tag)
      const repository = spec.dockerImageRepository !== null
      requireSources(viewer, { namespace, name }, sources, { repository, changed: tags })
      if (streams.byName(viewer, namespace, name)) {
        throw new AlreadyExistsError(`there is an image stream ${namespace}/${name} already`)
      }
      checkSources(blockOf, sources, tags, fieldOf)
      quota.take(tx, namespace, 'streams')
      const stream = db.orm
        .insert(imageStreams)
        .values({
          uid: uuid(),
          namespace,
          name,
          createdAt: now(),
          generation: 1,
          resourceVersion: 1,
          repositoryGeneration: 1,
          ...metadata,
          ...columnsOf(spec),
        })
        .returning()
        .get()
      writeLabels(db, stream)
      recordChange(tx, { kind: 'STREAM_CREATED', streamId: stream.id })
      recordSources(tx, stream.id, names)
      specTagRows.write(tx, viewer, { stream, tags, removed: [], fieldOf })
      onSpecWritten(tx, stream, names)
      return changeOf(stream, repository, tags)
    },

    /** Gives the stream a new version: something that belongs to it, outside of its spec, has changed. */
    recordUpdate(tx: Transaction, stream: ImageStream): ImageStream {
      recordChange(tx, { kind: 'STREAM_UPDATED', streamId: stream.id })
      return updateStream(db, stream, {})
    },

    /**
     * Writes the difference between the stored spec and this one. Tags from other tags get the image of their source, and
     * tags with a policy the one that it chooses. Removed spec tags stay in the status with their histories.
     * Requires the rights to use the new sources. Throws InvalidInputError where a source is blocked or a tag follows itself,
     * ForbiddenError, NotFoundError, ConflictError; then the transaction must fail.
     */
    writeSpec(tx: Transaction, viewer: Viewer, write: SpecWrite): SpecChange {
      const { stream, spec, metadata = stream, fieldOf = fieldIn(spec) } = write
      const { isLogged = true, isRestored = false } = write
      const old = streams.spec(stream)
      const difference = specDifference(old, spec)
      const sources = { before: old, after: spec }
      requireSources(viewer, stream, sources, difference)
      const { labels, annotations } = metadata
      const isSame = difference.isEmpty && labels === stream.labels && annotations === stream.annotations
      if (isSame) return changeOf(stream, false, [])
      const { repository, changed, removed, order } = difference
      if (!isRestored) {
        checkSources(blockOf, sources, changed, fieldOf)
        requireMovable(viewer, stream, () => namesOfReferences(old, difference))
      }

      const rewritten = [...changed.map(([tag]) => tag), ...removed]
      const generation = stream.generation + (difference.isEmpty ? 0 : 1)
      const written = updateStream(db, stream, {
        ...columnsOf(spec),
        labels,
        annotations,
        generation,
        repositoryGeneration: repository ? generation : stream.repositoryGeneration,
      })
      if (labels !== stream.labels) writeLabels(db, written)
      if (isLogged) recordChange(tx, { kind: 'STREAM_UPDATED', streamId: stream.id })
      if (isLogged) recordSources(tx, stream.id, rewritten)
      // another repository is imported now, and that import stores its own result
      if (repository && spec.dockerImageRepository === null) streamConditions.clearFailure(tx, stream.id)
      if (removed.length > 0) removeSpecTags(tx, stream.id, removed)
      specTagRows.write(tx, viewer, {
        stream: written,
        tags: changed,
        removed,
        fieldOf,
        isRestored,
      })
      if (order) specTagRows.arrange(tx, stream.id, order)
      onSpecWritten(tx, written, rewritten)
      return changeOf(written, repository && spec.dockerImageRepository !== null, changed)
    },
  }
}

const updateStream = (
  db: Database,
  { id }: ImageStream,
  change: SQLiteUpdateSetSource<typeof imageStreams>,
): ImageStream =>
  db.orm
    .update(imageStreams)
    .set({ ...change, resourceVersion: sql`${imageStreams.resourceVersion} + 1` })
    .where(eq(imageStreams.id, id))
    .returning()
    .get()

/** Writes the rows that streams are found by labels with. */
function writeLabels(db: Database, { id, labels }: ImageStream): void {
  db.orm.delete(streamLabels).where(eq(streamLabels.streamId, id)).run()
  // one parameter for all labels: a statement has at most 32,766
  db.orm.run(sql`insert into ${streamLabels} (stream_id, key, value)
    select ${id}, value ->> 'key', value ->> 'value' from json_each(${labels})`)
}

/** Returns the changed tags that are references to a registry, or were before. */
const namesOfReferences = (old: Spec, { changed, removed }: SpecDifference): readonly TagName[] => {
  const wasReference = (name: TagName): boolean => isReference(old.tags.get(name))
  return [
    ...changed.filter(([name, tag]) => isReference(tag) || wasReference(name)).map(([name]) => name),
    ...removed.filter(wasReference),
  ]
}

const isReference = (tag: SpecTagContent | undefined): boolean =>
  Boolean(tag?.reference) && tag?.fromKind === 'DockerImage'

/** Returns the fields of the sources of a spec that an input replaces. */
export const fieldIn =
  ({ tags }: Pick<Spec, 'tags'>): SourceField =>
  (tag) =>
    tag === null ? 'spec.dockerImageRepository' : `spec.tags.${[...tags.keys()].indexOf(tag)}.from.name`

/** Returns the fields of a spec that are columns of the stream. */
const columnsOf = ({ tags, ...columns }: Spec) => ({
  ...columns,
  registry:
    columns.dockerImageRepository === null ? null : parseReference(columns.dockerImageRepository).registry,
})

const changeOf = (stream: ImageStream, repository: boolean, tags: readonly NamedSpecTag[]): SpecChange => ({
  stream,
  repository,
  specTags: tags.filter(([, tag]) => isImportable(tag)).map(([name]) => name),
})
