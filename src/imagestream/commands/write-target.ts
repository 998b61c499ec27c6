import type { Transaction } from '../../db/transact.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import { emptySpec } from '../spec/change-spec.ts'
import { checkResourceVersion, type ReadVersion } from '../spec/resource-version.ts'
import { FOLLOWS_NONE, type ImageStream, type Spec, type SpecTag } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import type { SpecChange, SpecWriter, WriteOptions } from './write-spec.ts'

/** The stream that a command writes, which it creates where there is none. */
export interface WriteTarget extends StreamName {
  readonly stream: ImageStream | undefined
  /** The empty spec while the stream does not exist. */
  readonly spec: Spec
}

/** Reads the stream. Throws ConflictError where `resourceVersion` is not the newest. */
export function readTarget(
  streams: Streams,
  { namespace, name, resourceVersion }: ReadVersion,
  importMode: ImportMode,
): WriteTarget {
  const stream = streams.byName(namespace, name)
  checkResourceVersion({ namespace, name, resourceVersion }, stream)
  return { namespace, name, stream, spec: stream ? streams.spec(stream) : emptySpec(importMode) }
}

/** Writes the spec, and the stream where there is none. Throws as the writer does. */
export const writeTarget = (
  tx: Transaction,
  writer: SpecWriter,
  { namespace, name, stream }: WriteTarget,
  { spec, ...options }: WriteOptions & { readonly spec: Spec },
): SpecChange =>
  stream ? writer.writeSpec(tx, stream, spec, options) : writer.insert(tx, { namespace, name }, spec, options)

const NEW_STREAM = {
  id: 0,
  uid: '',
  generation: 1,
  resourceVersion: 0,
  createdAt: 0,
  labels: '[]',
  annotations: '[]',
  repositoryGeneration: 1,
  repositoryCheck: null,
  checkedAt: null,
  newestAt: 0,
}

/** Returns the stream with another spec, which is not stored, for a dry run. */
export function plannedStream(
  { namespace, name, stream }: Omit<WriteTarget, 'spec'>,
  { tags, ...columns }: Spec,
  generations?: Pick<ImageStream, 'generation' | 'repositoryGeneration'>,
): { readonly stream: ImageStream; readonly specTags: SpecTag[] } {
  const planned = { ...(stream ?? NEW_STREAM), namespace, name, ...columns, ...generations }
  return {
    stream: planned,
    specTags: [...tags].map(([tag, content]) => ({
      generation: planned.generation,
      ...FOLLOWS_NONE,
      ...content,
      streamId: planned.id,
      name: tag,
    })),
  }
}
