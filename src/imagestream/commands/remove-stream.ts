import { eq, sql } from 'drizzle-orm'
import { onStream } from '../../access/audit/audit-entry.ts'
import { quotaGuardOf } from '../../access/quota/quota-guard.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import { imageStreams } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { emptySpec } from '../spec/change-spec.ts'
import type { ImageStream } from '../spec/spec.ts'
import { readSpec, specText } from '../spec/stored-spec.ts'
import { renamedSource } from '../spec/tag-source.ts'
import type { Streams } from '../stream/stream.ts'
import { copiedChange } from '../tag/tag-change.ts'
import { transactUnlessDry } from './dry-run.ts'
import { createStoppedSources, type StoppedSource } from './stopped-sources.ts'
import { importChange } from './write-spec.ts'
import type { WrittenStream } from './write-stream.ts'
import { type CommandDependencies, existingStream, type ReadVersion } from './write-target.ts'

/** A stream to delete. */
export interface DeleteStreamInput extends ReadVersion {
  /** Reports what would be deleted, and writes nothing. */
  readonly dryRun?: boolean
}

/** A deletion, or what it would do. */
export interface StreamDeletion {
  readonly stream: ImageStream
  /** Sources that are no longer followed. */
  readonly stoppedSources: readonly StoppedSource[]
  /** Tags that are removed. */
  readonly tagCount: number
  /** Entries of their histories, and of those of tags that were removed before. They stay. */
  readonly historyEntryCount: number
}

/** A deleted stream, and where to restore it; by default where it was. */
export interface RestoreStreamInput {
  readonly uid: string
  readonly namespace?: string | null | undefined
  readonly name?: string | null | undefined
}

export interface StreamRemovalDependencies
  extends Pick<
    CommandDependencies,
    | 'db'
    | 'audit'
    | 'streams'
    | 'writer'
    | 'importer'
    | 'recorder'
    | 'recordChange'
    | 'tags'
    | 'importMode'
    | 'now'
  > {
  /** Runs in the transaction that deleted the stream. */
  readonly onDeleted: (tx: Transaction, stream: ImageStream) => void
  /** Runs in the transaction that restored the stream, before its tags. */
  readonly onRestored: (tx: Transaction, stream: ImageStream) => void
}

/**
 * Commands that delete streams and restore deleted ones. A deleted stream keeps its row with its spec as text, and its
 * tags as removed ones with their histories, until they are pruned; no list, import or follower finds it.
 */
export type StreamRemoval = ReturnType<typeof createStreamRemoval>

export function createStreamRemoval(dependencies: StreamRemovalDependencies) {
  const {
    db,
    audit,
    streams,
    writer,
    importer,
    recorder,
    recordChange,
    tags,
    importMode,
    now,
    onDeleted,
    onRestored,
  } = dependencies
  const stoppedBetween = createStoppedSources(tags)

  const update = (id: number, change: Partial<typeof imageStreams.$inferInsert>): void => {
    const resourceVersion = sql`${imageStreams.resourceVersion} + 1`
    db.orm
      .update(imageStreams)
      .set({ ...change, resourceVersion })
      .where(eq(imageStreams.id, id))
      .run()
  }

  const quota = quotaGuardOf(db)

  const restoreTags = (
    tx: Transaction,
    viewer: Viewer,
    { id: streamId, namespace, name: streamName, deletedAt }: ImageStream & { readonly deletedAt: number },
  ): void => {
    const reported = tags.removedWithoutImage(streamId, { at: deletedAt })
    for (const { name: tag } of reported) recordChange(tx, { kind: 'TAG_RESTORED', streamId, tag })
    recorder.restoreWithoutImage(
      tx,
      streamId,
      reported.map(({ id }) => id),
    )
    for (const { name: tag, ...event } of tags.removedWithStream(streamId)) {
      const address = { streamId, namespace, streamName, tag }
      recordChange(tx, { kind: 'TAG_RESTORED', streamId, tag })
      recorder.recordTagEvent(
        tx,
        viewer,
        address,
        copiedChange(event, { generation: event.generation, at: now() }),
      )
    }
  }

  return {
    /** Throws NotFoundError, ConflictError. */
    delete(viewer: Viewer, input: DeleteStreamInput): StreamDeletion {
      requireRight(viewer, 'delete', input)
      return transactUnlessDry(db, input.dryRun ?? false, (tx) => {
        const stream = existingStream(streams, viewer, input)
        const spec = streams.spec(stream)
        const deletion = {
          stream,
          stoppedSources: stoppedBetween(stream.id, spec, emptySpec(importMode)),
          tagCount: tags.countOfStreams([stream.id]).get(stream.id) ?? 0,
          historyEntryCount: tags.countEventsOfStream(stream.id),
        }
        const deletedSpec = specText(spec)
        importer.endOfStream(tx, stream.id)
        const at = now()
        recorder.removeAllTags(tx, viewer, { stream, at, reason: 'STREAM_DELETED' })
        writer.writeSpec(tx, viewer, { stream, spec: emptySpec(importMode), isLogged: false })
        update(stream.id, { deletedAt: at, deletedSpec })
        recordChange(tx, { kind: 'STREAM_DELETED', streamId: stream.id })
        onDeleted(tx, stream)
        audit.record(tx, viewer, onStream('deleteImageStream', stream))
        return deletion
      })
    },

    /**
     * Restores a deleted stream: its spec, and the images of the tags that it had, as new entries of their histories. Its
     * sources are imported; those that were its own tags are so under another name, too. Throws InvalidInputError,
     * NotFoundError, AlreadyExistsError where its name is taken.
     */
    restore: (viewer: Viewer, input: RestoreStreamInput): WrittenStream =>
      db.transact((tx) => {
        const { deleted, target } = restorable(streams, viewer, input)
        quota.take(tx, target.namespace, 'streams')
        update(deleted.id, { ...target, deletedAt: null, deletedSpec: null })
        const stream = existingStream(streams, viewer, target)
        recordChange(tx, { kind: 'STREAM_RESTORED', streamId: stream.id })
        onRestored(tx, stream)
        restoreTags(tx, viewer, { ...stream, deletedAt: deleted.deletedAt })
        const spec = deleted.deletedSpec === null ? emptySpec(importMode) : readSpec(deleted.deletedSpec)
        const tags = [...spec.tags].map(
          ([tag, source]) => [tag, renamedSource(deleted, target, source)] as const,
        )
        const named = { ...spec, tags: new Map(tags) }
        const change = writer.writeSpec(tx, viewer, {
          stream: existingStream(streams, viewer, target),
          spec: named,
          isLogged: false,
          isRestored: true,
        })
        audit.record(tx, viewer, onStream('restoreImageStream', target, { uid: deleted.uid }))
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      }),
  }
}

/**
 * Returns the deleted stream with the name that it gets. Throws InvalidInputError, NotFoundError, AlreadyExistsError where
 * the name is taken.
 */
function restorable(streams: Streams, viewer: Viewer, { uid, namespace, name }: RestoreStreamInput) {
  const deleted = streams.byUid(viewer, uid)
  if (!deleted) throw new NotFoundError(`there is no image stream with the uid "${uid}", deleted or not`)
  const { deletedAt } = deleted
  if (deletedAt === null) {
    throw new InvalidInputError('uid', `${deleted.namespace}/${deleted.name} is not deleted`)
  }
  const target = { namespace: namespace ?? deleted.namespace, name: name ?? deleted.name }
  requireRight(viewer, 'create', target)
  // the content leaves the place where others may read it
  if (target.namespace !== deleted.namespace || target.name !== deleted.name) {
    requireRight(viewer, 'delete', deleted)
  }
  checkNamespace(target.namespace)
  checkStreamName(target.namespace, target.name)
  if (streams.byName(viewer, target.namespace, target.name)) {
    const why = `there is an image stream ${target.namespace}/${target.name} already: restore it under another name`
    throw new AlreadyExistsError(why)
  }
  return { deleted: { ...deleted, deletedAt }, target }
}
