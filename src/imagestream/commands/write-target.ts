import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { ConflictError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Images } from '../image/images.ts'
import type { Importer } from '../import/import.ts'
import type { ChangeRecorder } from '../record/change-record.ts'
import type { TagRecorder } from '../record/record.ts'
import { emptySpec } from '../spec/change-spec.ts'
import { requireSources } from '../spec/source-rights.ts'
import {
  FOLLOWS_NONE,
  flag,
  type ImageStream,
  type Spec,
  type SpecTag,
  type SpecTagContent,
} from '../spec/spec.ts'
import { specDifference } from '../spec/spec-difference.ts'
import type { Following } from '../stream/follow.ts'
import type { Streams } from '../stream/stream.ts'
import type { LookBack } from '../tag/look-back.ts'
import type { Policies } from '../tag/policies.ts'
import type { Tags } from '../tag/tag.ts'
import type { SpecChange, SpecWriter, WriteOptions } from './write-spec.ts'

/** The parts of the domain that commands use. */
export interface CommandDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly streams: Streams
  readonly writer: SpecWriter
  readonly importer: Importer
  readonly following: Following
  readonly recorder: TagRecorder
  readonly recordChange: ChangeRecorder
  readonly policies: Policies
  readonly tags: Tags
  readonly images: Images
  readonly lookBack: LookBack
  /** Import mode of streams that do not set one. */
  readonly importMode: ImportMode
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A stream to write, and the version of it that the client read; null or undefined accepts any version. */
export interface ReadVersion extends StreamName {
  readonly resourceVersion?: string | null | undefined
}

/** Returns the newest version for the message of an error: `is at resourceVersion 3`, `does not exist`. */
export const newestVersion = (stream: Pick<ImageStream, 'resourceVersion'> | undefined): string =>
  stream ? `is at resourceVersion ${stream.resourceVersion}` : 'does not exist'

/** Throws ConflictError where the stream was created, written or deleted since the client read it. */
export function checkResourceVersion(
  { namespace, name, resourceVersion }: ReadVersion,
  stream: Pick<ImageStream, 'resourceVersion'> | undefined,
): void {
  if (resourceVersion == null || resourceVersion === String(stream?.resourceVersion)) return
  throw new ConflictError(
    `${namespace}/${name} ${newestVersion(stream)}, not ${resourceVersion}: read it again`,
  )
}

/** The tag that a command concerns, and the version of its stream that the client read. */
export interface TagInput extends Pick<ReadVersion, 'namespace' | 'resourceVersion'> {
  readonly imageStream: string
  readonly tag: string
}

/** Returns the tag's name. Throws InvalidInputError for an invalid name of the namespace, stream or tag. */
export function checkTagInput({ namespace, imageStream, tag }: TagInput): TagName {
  checkNamespace(namespace)
  checkStreamName(namespace, imageStream, 'imageStream')
  return checkTagName(tag)
}

/** Returns the stream. Throws NotFoundError, and ConflictError where `resourceVersion` is not the newest. */
export function existingStream(streams: Streams, viewer: Viewer, read: ReadVersion): ImageStream {
  const stream = streams.existing(viewer, read.namespace, read.name)
  checkResourceVersion(read, stream)
  return stream
}

/** Options for the import of an image from a registry, and for the pull spec of the tag. */
export interface ImportOptionsInput {
  readonly scheduled: boolean
  readonly insecure: boolean
  readonly importMode?: ImportMode | null | undefined
  readonly referencePolicy?: 'Source' | 'Local' | null | undefined
}

/** Returns the columns of a spec tag for the options; the other ones stay as they are. */
export const importColumns = (
  { scheduled, insecure, importMode, referencePolicy }: ImportOptionsInput,
  old: SpecTagContent | undefined,
  defaultMode: ImportMode,
) => ({
  annotations: old?.annotations ?? '[]',
  insecure: flag(insecure),
  scheduled: flag(scheduled),
  importMode: importMode ?? old?.importMode ?? defaultMode,
  referencePolicy: referencePolicy ?? old?.referencePolicy ?? ('Source' as const),
})

/** The stream that a command writes, which it creates where there is none. */
export interface WriteTarget extends StreamName {
  readonly stream: ImageStream | undefined
  /** The empty spec while the stream does not exist. */
  readonly spec: Spec
}

/** Reads the stream, of which the viewer has a right. Throws ConflictError where `resourceVersion` is not the newest. */
export function readTarget(
  { streams, importMode }: Pick<CommandDependencies, 'streams' | 'importMode'>,
  viewer: Viewer,
  read: ReadVersion,
): WriteTarget {
  const { namespace, name } = read
  const stream = streams.byName(viewer, namespace, name)
  checkResourceVersion(read, stream)
  return { namespace, name, stream, spec: stream ? streams.spec(stream) : emptySpec(importMode) }
}

/** Writes the spec, and the stream where there is none. Throws as the writer does. */
export const writeTarget = (
  tx: Transaction,
  viewer: Viewer,
  { writer, target }: { readonly writer: SpecWriter; readonly target: WriteTarget },
  { spec, ...options }: WriteOptions & { readonly spec: Spec },
): SpecChange =>
  target.stream
    ? writer.writeSpec(tx, viewer, { ...options, stream: target.stream, spec })
    : writer.insert(tx, viewer, { ...options, name: target, spec })

/** Throws unless the viewer may write the spec: a dry run reads its sources with the credentials of the namespace. */
export const requirePlanned = (viewer: Viewer, { spec: before, ...home }: WriteTarget, after: Spec): void =>
  requireSources(viewer, home, { before, after }, specDifference(before, after))

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
  deletedAt: null,
  deletedSpec: null,
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
      writtenBy: null,
      ...content,
      streamId: planned.id,
      name: tag,
    })),
  }
}
