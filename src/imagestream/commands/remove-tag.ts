import { onTag } from '../../access/audit/audit-entry.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { TagName } from '../../oci/tag.ts'
import { withTag, withTags } from '../spec/spec-tags.ts'
import { readSpecTag } from '../spec/stored-spec.ts'
import { copiedChange } from '../tag/tag-change.ts'
import { transactUnlessDry } from './dry-run.ts'
import { createStoppedSources, type StoppedSource } from './stopped-sources.ts'
import { importChange } from './write-spec.ts'
import { type CommandDependencies, checkTagInput, existingStream, type TagInput } from './write-target.ts'

/** A tag to remove. */
export interface RemoveTagInput extends TagInput {
  /** Reports what would be removed, and writes nothing. */
  readonly dryRun?: boolean
}

/** A removal of a tag, or what it would do. */
export interface TagRemovalOutcome {
  readonly streamId: number
  /** The source that is no longer followed; empty for a tag without one. */
  readonly stoppedSources: readonly StoppedSource[]
  /** Entries of the tag's history, which stay. */
  readonly historyEntryCount: number
}

/** A tag that was restored. */
export interface RestoredTag {
  readonly streamId: number
  readonly tag: TagName
  /** The import of its source; null for a tag without a source in a registry. */
  readonly importId: number | null
}

/** Commands that remove a tag, and restore a removed one. */
export type TagRemoval = ReturnType<typeof createTagRemoval>

export function createTagRemoval(dependencies: CommandDependencies) {
  const { db, audit, streams, tags, recorder, recordChange, writer, importer, now } = dependencies
  const stoppedBetween = createStoppedSources(tags)

  /** Records the last image of the removed tag, if it had one, as a new entry of its history. Returns the tag. */
  const restoreImage = (
    tx: Transaction,
    viewer: Viewer,
    { streamId, namespace, imageStream, tag }: TagInput & { streamId: number; tag: TagName },
  ) => {
    const removed = tags.removed(streamId, tag)
    if (!removed) {
      const [reported] = tags.removedWithoutImage(streamId, { name: tag })
      if (reported) {
        recordChange(tx, { kind: 'TAG_RESTORED', streamId, tag })
        recorder.restoreWithoutImage(tx, streamId, [reported.id])
        return reported
      }
      const isTag = tags.named([streamId], tag).length > 0 || streams.specTag(streamId, tag) !== undefined
      if (!isTag) throw new NotFoundError(`${namespace}/${imageStream} has no removed tag ${tag}`)
      const why = `${namespace}/${imageStream}:${tag} is not removed: rollbackTag points it to an image of its history`
      throw new InvalidInputError('tag', why)
    }
    const { generation } = removed
    const change = copiedChange(removed, { generation, at: now() })
    recordChange(tx, { kind: 'TAG_RESTORED', streamId, tag })
    recorder.recordTagEvent(tx, viewer, { streamId, namespace, streamName: imageStream, tag }, change)
    return removed
  }

  return {
    /**
     * Removes a tag and its spec tag. Its history stays, and `restore` restores it. Throws InvalidInputError; NotFoundError
     * where neither spec nor status has the tag; ConflictError.
     */
    remove(viewer: Viewer, input: RemoveTagInput): TagRemovalOutcome {
      const { namespace, imageStream: name, resourceVersion } = input
      requireRight(viewer, 'delete', { namespace, name })
      const tag = checkTagInput(input)
      return transactUnlessDry(db, input.dryRun ?? false, (tx) => {
        const stream = existingStream(streams, viewer, { namespace, name, resourceVersion })
        const spec = streams.spec(stream)
        const others = withTags(spec.tags, new Map([[tag, null]]))
        const stoppedSources = stoppedBetween(stream.id, spec, { ...spec, tags: others })
        const [old] = tags.named([stream.id], tag)
        const historyEntryCount = old ? (tags.countEvents([old.id]).get(old.id) ?? 0) : 0
        if (!recorder.removeTag(tx, viewer, { stream, tag, reason: 'UNTAGGED' })) {
          throw new NotFoundError(`${namespace}/${name} has no tag ${tag}`)
        }
        audit.record(tx, viewer, onTag('untagImage', input))
        return { streamId: stream.id, stoppedSources, historyEntryCount }
      })
    },

    /**
     * Restores a removed tag: the image that it pointed to, as a new entry of its history, and the spec tag that was removed
     * with it, whose source is imported. Throws InvalidInputError where the tag is not removed, NotFoundError, ConflictError.
     */
    restore(viewer: Viewer, input: TagInput): RestoredTag {
      const { namespace, imageStream: name, resourceVersion } = input
      requireRight(viewer, 'tag', { namespace, name })
      const tag = checkTagInput(input)
      return db.transact((tx) => {
        const { id: streamId } = existingStream(streams, viewer, { namespace, name, resourceVersion })
        const { removedSpec } = restoreImage(tx, viewer, { ...input, streamId, tag })
        audit.record(tx, viewer, onTag('restoreTag', input))
        const stream = existingStream(streams, viewer, { namespace, name })
        const spec = streams.spec(stream)
        if (removedSpec === null || spec.tags.has(tag)) return { streamId, tag, importId: null }
        const restored = { ...spec, tags: withTag(spec.tags, tag, readSpecTag(removedSpec)) }
        const change = writer.writeSpec(tx, viewer, {
          stream,
          spec: restored,
          fieldOf: () => 'tag',
          isRestored: true,
        })
        return { streamId, tag, importId: importChange(tx, importer, change) }
      })
    },
  }
}
