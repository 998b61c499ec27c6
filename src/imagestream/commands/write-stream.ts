import { eq } from 'drizzle-orm'
import { imageStreams } from '../../db/tables/index.ts'
import { type KeyValue, writeKeyValues } from '../../input/key-values.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { changeSpec, emptySpec } from '../spec/change-spec.ts'
import type { ImageStream, SpecInput } from '../spec/spec.ts'
import { writeAnnotations } from '../spec/stream-annotations.ts'
import { createSpecWriter, importChange, type SpecWriterDependencies } from './write-spec.ts'
import { type CommandDependencies, existingStream, type ReadVersion } from './write-target.ts'

/** Null stands for undefined. */
export interface CreateStreamInput extends StreamName {
  readonly labels?: readonly KeyValue[] | null | undefined
  readonly annotations?: readonly KeyValue[] | null | undefined
  readonly spec?: SpecInput | null | undefined
}

/** Undefined and null fields stay; labels and annotations are replaced as a whole. */
export interface UpdateStreamInput extends CreateStreamInput, ReadVersion {}

export interface WrittenStream {
  readonly stream: ImageStream
  /** The import that the write requested; null when nothing can be imported that was not before. */
  readonly importId: number | null
}

/** Commands that write streams: each checks its input, then writes in one transaction with the import that it requests. */
export type StreamWriter = ReturnType<typeof createStreamWriter>

export type StreamWriterDependencies = SpecWriterDependencies &
  Pick<CommandDependencies, 'importer' | 'importMode'>

export function createStreamWriter(dependencies: StreamWriterDependencies) {
  const { db, streams, importer, importMode } = dependencies
  const writer = createSpecWriter(dependencies)

  return {
    ...writer,

    /** Throws InvalidInputError, AlreadyExistsError. */
    create: (input: CreateStreamInput): WrittenStream =>
      db.transact((tx) => {
        const spec = changeSpec(emptySpec(importMode), input.spec ?? {}, importMode)
        const metadata = {
          labels: writeKeyValues(input.labels ?? [], 'labels'),
          annotations: writeAnnotations(input.annotations ?? []),
        }
        const change = writer.insert(tx, input, spec, { metadata })
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      }),

    /** Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest. */
    update: (input: UpdateStreamInput): WrittenStream =>
      db.transact((tx) => {
        const stream = existingStream(streams, input)
        const metadata = {
          labels: input.labels == null ? stream.labels : writeKeyValues(input.labels, 'labels'),
          annotations: input.annotations == null ? stream.annotations : writeAnnotations(input.annotations),
        }
        const spec = changeSpec(streams.spec(stream), input.spec ?? {}, importMode)
        const change = writer.writeSpec(tx, stream, spec, { metadata })
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      }),

    /** Returns the id of the deleted stream. Throws NotFoundError, ConflictError. */
    delete: (input: ReadVersion): number =>
      db.transact((tx) => {
        const { id } = existingStream(streams, input)
        importer.endOfStream(tx, id)
        db.orm.delete(imageStreams).where(eq(imageStreams.id, id)).run()
        return id
      }),
  }
}
