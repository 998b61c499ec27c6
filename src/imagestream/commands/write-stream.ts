import { onStream } from '../../access/audit/audit-entry.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import { changeKeyValues, type KeyValue, writeKeyValues } from '../../input/key-values.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { changeSpec, changeSpecTags, emptySpec } from '../spec/change-spec.ts'
import type { ImageStream, SpecInput, SpecTagInput } from '../spec/spec.ts'
import type { SourceField } from '../spec/spec-admission.ts'
import { changeAnnotations, writeAnnotations } from '../spec/stream-annotations.ts'
import { transactUnlessDry } from './dry-run.ts'
import { createStoppedSources, type StoppedSource } from './stopped-sources.ts'
import { createSpecWriter, fieldIn, importChange, type SpecWriterDependencies } from './write-spec.ts'
import { type CommandDependencies, existingStream, type ReadVersion } from './write-target.ts'

/** Null stands for undefined. */
export interface CreateStreamInput extends StreamName {
  readonly labels?: readonly KeyValue[] | null | undefined
  readonly annotations?: readonly KeyValue[] | null | undefined
  readonly spec?: SpecInput | null | undefined
}

/** Undefined and null fields stay; `labels` and `annotations` replace all. */
export interface UpdateStreamInput extends CreateStreamInput, ReadVersion {
  readonly setLabels?: readonly KeyValue[] | null | undefined
  /** Keys of labels to remove. */
  readonly removeLabels?: readonly string[] | null | undefined
  readonly setAnnotations?: readonly KeyValue[] | null | undefined
  /** Keys of annotations to remove. */
  readonly removeAnnotations?: readonly string[] | null | undefined
  /** Spec tags to set; the others stay, unless `spec.tags` replaces all. */
  readonly setTags?: readonly SpecTagInput[] | null | undefined
  /** Spec tags to remove. Their tags stay in the status, with their images and histories. */
  readonly removeTags?: readonly string[] | null | undefined
  /** Reports what would change, and writes nothing. */
  readonly dryRun?: boolean
}

export interface WrittenStream {
  readonly stream: ImageStream
  /** The import that the write requested; null when nothing can be imported that was not before. */
  readonly importId: number | null
}

export interface UpdatedStream extends WrittenStream {
  /** Sources that are no longer followed. */
  readonly stoppedSources: readonly StoppedSource[]
}

/** Commands that write streams: each checks its input, then writes in one transaction with the import that it requests. */
export type StreamWriter = ReturnType<typeof createStreamWriter>

export type StreamWriterDependencies = SpecWriterDependencies &
  Pick<CommandDependencies, 'audit' | 'importer' | 'importMode' | 'tags'>

export function createStreamWriter(dependencies: StreamWriterDependencies) {
  const { db, audit, streams, tags, importer, importMode } = dependencies
  const stoppedBetween = createStoppedSources(tags)
  const writer = createSpecWriter(dependencies)

  return {
    ...writer,

    /** Throws InvalidInputError, AlreadyExistsError. */
    create(viewer: Viewer, input: CreateStreamInput): WrittenStream {
      requireRight(viewer, 'create', input)
      return db.transact((tx) => {
        const spec = changeSpec(emptySpec(importMode), input.spec ?? {}, importMode)
        const metadata = {
          labels: writeKeyValues(input.labels ?? [], 'labels'),
          annotations: writeAnnotations(input.annotations ?? []),
        }
        const change = writer.insert(tx, viewer, { name: input, spec, metadata })
        audit.record(tx, viewer, onStream('createImageStream', input))
        return { stream: change.stream, importId: importChange(tx, importer, change) }
      })
    },

    /** Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest. */
    update(viewer: Viewer, input: UpdateStreamInput): UpdatedStream {
      requireRight(viewer, 'tag', input)
      return transactUnlessDry(db, input.dryRun ?? false, (tx) => {
        const stream = existingStream(streams, viewer, input)
        const metadata = {
          labels: changeKeyValues(
            stream.labels,
            { all: input.labels, set: input.setLabels, remove: input.removeLabels },
            'Labels',
          ),
          annotations: changeAnnotations(stream.annotations, {
            all: input.annotations,
            set: input.setAnnotations,
            remove: input.removeAnnotations,
          }),
        }
        const old = streams.spec(stream)
        const spec = changeSpecTags(changeSpec(old, input.spec ?? {}, importMode), input, importMode)
        const stoppedSources = stoppedBetween(stream.id, old, spec)
        const setTags = (input.setTags ?? []).map(({ name }) => name)
        const fieldOf: SourceField = (tag) => {
          const at = tag === null ? -1 : setTags.indexOf(tag)
          return at < 0 ? fieldIn(spec)(tag) : `setTags.${at}.from.name`
        }
        const change = writer.writeSpec(tx, viewer, { stream, spec, metadata, fieldOf })
        audit.record(tx, viewer, onStream('updateImageStream', input))
        // a dry run could join an import that waits, which is not its own
        const importId = input.dryRun ? null : importChange(tx, importer, change)
        return { stream: change.stream, importId, stoppedSources }
      })
    },
  }
}
