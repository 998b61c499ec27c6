import { eq } from 'drizzle-orm'
import { imageStreams } from '../../db/tables/index.ts'
import { NotFoundError } from '../../input/errors.ts'
import { type KeyValue, writeKeyValues } from '../../input/key-values.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Importer } from '../import/import.ts'
import { changeSpec, emptySpec } from '../spec/change-spec.ts'
import { checkResourceVersion, type ReadVersion } from '../spec/resource-version.ts'
import type { ImageStream, SpecInput } from '../spec/spec.ts'
import { writeAnnotations } from '../spec/stream-annotations.ts'
import { createSpecWriter, importChange, type SpecWriter, type SpecWriterDependencies } from './write-spec.ts'

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
export interface StreamWriter extends SpecWriter {
  /** Throws InvalidInputError, AlreadyExistsError. */
  create(input: CreateStreamInput): WrittenStream
  /** Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest. */
  update(input: UpdateStreamInput): WrittenStream
  /** Returns the id of the deleted stream. Throws NotFoundError, ConflictError. */
  delete(input: ReadVersion): number
}

export interface StreamWriterDependencies extends SpecWriterDependencies {
  readonly importer: Importer
  /** Import mode of streams that do not set one. */
  readonly importMode: ImportMode
}

export function createStreamWriter(dependencies: StreamWriterDependencies): StreamWriter {
  const { db, streams, importer, importMode } = dependencies
  const writer = createSpecWriter(dependencies)

  const find = ({ namespace, name, resourceVersion }: ReadVersion): ImageStream => {
    const stream = streams.byName(namespace, name)
    if (!stream) throw new NotFoundError(`there is no image stream ${namespace}/${name}`)
    checkResourceVersion({ namespace, name, resourceVersion }, stream)
    return stream
  }

  return {
    ...writer,

    create: (input) =>
      db.transact((tx) => {
        const spec = changeSpec(emptySpec(importMode), input.spec ?? {}, importMode)
        const metadata = {
          labels: writeKeyValues(input.labels ?? [], 'labels'),
          annotations: writeAnnotations(input.annotations ?? []),
        }
        const change = writer.insert(tx, input, spec, { metadata })
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      }),

    update: (input) =>
      db.transact((tx) => {
        const stream = find(input)
        const metadata = {
          labels: input.labels == null ? stream.labels : writeKeyValues(input.labels, 'labels'),
          annotations: input.annotations == null ? stream.annotations : writeAnnotations(input.annotations),
        }
        const spec = changeSpec(streams.spec(stream), input.spec ?? {}, importMode)
        const change = writer.writeSpec(tx, stream, spec, { metadata })
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      }),

    delete: (input) =>
      db.transact((tx) => {
        const { id } = find(input)
        importer.endOfStream(tx, id)
        db.orm.delete(imageStreams).where(eq(imageStreams.id, id)).run()
        return id
      }),
  }
}
