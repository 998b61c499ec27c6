import { eq, sql } from 'drizzle-orm'
import { SYSTEM } from '../../access/right/viewer.ts'
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
    'db' | 'streams' | 'writer' | 'importer' | 'recorder' | 'recordChange' | 'tags' | 'importMode' | 'now'
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

  const restoreTags = (
    tx: Transaction,
    { id: streamId, namespace, name: streamName }: ImageStream,
    deletedAt: number,
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
      recorder.recordTagEvent(tx, address, copiedChange(event, { generation: event.generation, at: now() }))
    }
  }

  return {
    /** Throws NotFoundError, ConflictError. */
    delete: (input: DeleteStreamInput): StreamDeletion =>
      transactUnlessDry(db, input.dryRun ?? false, (tx) => {
        const stream = existingStream(streams, input)
        const spec = streams.spec(stream)
        const deletion = {
          stream,
          stoppedSources: stoppedBetween(stream.id, spec, emptySpec(importMode)),
          tagCount: tags.countOfStreams([stream.id]).get(stream.id) ?? 0,
          historyEntryCount: tags.countEventsOfStream(stream.id),
        }
        importer.endOfStream(tx, stream.id)
        const at = now()
        recorder.removeAllTags(tx, stream.id, { at, reason: 'STREAM_DELETED' })
        writer.writeSpec(tx, stream, emptySpec(importMode), { isLogged: false })
        update(stream.id, { deletedAt: at, deletedSpec: specText(spec) })
        recordChange(tx, { kind: 'STREAM_DELETED', streamId: stream.id })
        onDeleted(tx, stream)
        return deletion
      }),

    /**
     * Restores a deleted stream: its spec, and the images of the tags that it had, as new entries of their histories. Its
     * sources are imported; those that were its own tags are so under another name, too. Throws InvalidInputError,
     * NotFoundError, AlreadyExistsError where its name is taken.
     */
    restore: (input: RestoreStreamInput): WrittenStream =>
      db.transact((tx) => {
        const { deleted, target } = restorable(streams, input)
        update(deleted.id, { ...target, deletedAt: null, deletedSpec: null })
        const stream = existingStream(streams, target)
        recordChange(tx, { kind: 'STREAM_RESTORED', streamId: stream.id })
        onRestored(tx, stream)
        restoreTags(tx, stream, deleted.deletedAt)
        const spec = deleted.deletedSpec === null ? emptySpec(importMode) : readSpec(deleted.deletedSpec)
        const tags = [...spec.tags].map(
          ([tag, source]) => [tag, renamedSource(deleted, target, source)] as const,
        )
        const named = { ...spec, tags: new Map(tags) }
        const change = writer.writeSpec(tx, existingStream(streams, target), named, {
          isLogged: false,
          isRestored: true,
        })
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      }),
  }
}

/**
 * Returns the deleted stream with the name that it gets. Throws InvalidInputError, NotFoundError, AlreadyExistsError where
 * the name is taken.
 */
function restorable(streams: Streams, { uid, namespace, name }: RestoreStreamInput) {
  const deleted = streams.byUid(SYSTEM, uid)
  if (!deleted) throw new NotFoundError(`there is no image stream with the uid "${uid}", deleted or not`)
  const { deletedAt } = deleted
  if (deletedAt === null) {
    throw new InvalidInputError('uid', `${deleted.namespace}/${deleted.name} is not deleted`)
  }
  const target = { namespace: namespace ?? deleted.namespace, name: name ?? deleted.name }
  checkNamespace(target.namespace)
  checkStreamName(target.namespace, target.name)
  if (streams.byName(SYSTEM, target.namespace, target.name)) {
    const why = `there is an image stream ${target.namespace}/${target.name} already: restore it under another name`
    throw new AlreadyExistsError(why)
  }
  return { deleted: { ...deleted, deletedAt }, target }
}
