import { NotFoundError } from '../../input/errors.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import { flag, isImportable, type SpecTagContent } from '../spec/spec.ts'
import {
  formatStreamTag,
  isFromStream,
  type StreamImage,
  type StreamTag,
  streamImageOf,
  streamTagOf,
  type TagSource,
} from '../spec/tag-source.ts'
import type { Following } from '../stream/follow.ts'
import { importOfTag } from './import-image-plan.ts'
import { checkTagImage, type TagImageInput } from './tag-image-input.ts'
import {
  type CommandDependencies,
  checkTagInput,
  existingStream,
  importColumns,
  readTarget,
  type TagInput,
  writeTarget,
} from './write-target.ts'

export interface TaggedImage {
  readonly streamId: number
  readonly tag: TagName
  /** The import that was requested; null where the image does not come from a registry. */
  readonly importId: number | null
}

/** Commands that set and remove a tag through the spec, as `oc tag` does, so that the source stays known. */
export type Tagging = ReturnType<typeof createTagging>

export function createTagging(dependencies: CommandDependencies) {
  const { db, streams, writer, importer, following, recorder, importMode } = dependencies
  const fieldOf = (): string => 'from.name'

  return {
    /**
     * Sets the source of a tag, and creates the stream where there is none. The tag gets the image of a source in a stream
     * at once, also where another image was pushed to it after the same call before. Throws InvalidInputError; NotFoundError
     * where the source has no image; ConflictError where the source matches several images, or the resource version is not
     * the newest.
     */
    tagImage(input: TagImageInput): TaggedImage {
      const { namespace, imageStream: name, resourceVersion } = input
      const tag = checkTagImage(input)
      return db.transact((tx) => {
        const target = readTarget(dependencies, { namespace, name, resourceVersion })
        const old = target.spec
        const content: SpecTagContent = {
          ...sourceOf(target, input, following),
          policy: null,
          ...importColumns(input, old.tags.get(tag), importMode),
        }
        const spec = { ...old, tags: new Map(old.tags).set(tag, content) }
        const { stream } = writeTarget(tx, writer, target, { spec, fieldOf })
        // an unchanged spec was not written, and the tag may have moved since
        if (isFromStream(content)) following.copySources(tx, stream, { tags: [tag], fieldOf })
        const importId = isImportable(content) ? importer.request(tx, stream.id, importOfTag(tag)) : null
        return { streamId: stream.id, tag, importId }
      })
    },

    /**
     * Removes a tag with its history and its spec tag. Returns the id of the stream. Throws InvalidInputError; NotFoundError
     * where neither spec nor status has the tag; ConflictError.
     */
    untagImage(input: TagInput): number {
      const { namespace, imageStream, resourceVersion } = input
      const tag = checkTagInput(input)
      return db.transact((tx) => {
        const stream = existingStream(streams, { namespace, name: imageStream, resourceVersion })
        const old = streams.spec(stream)
        const tags = new Map(old.tags)
        if (tags.delete(tag)) writer.writeSpec(tx, stream, { ...old, tags })
        else if (!recorder.removeTag(tx, { streamId: stream.id, tag })) {
          throw new NotFoundError(`${namespace}/${imageStream} has no tag ${tag}`)
        }
        return stream.id
      })
    },
  }
}

/** Returns the source for the spec tag: for a copy, the source's image now, by its whole digest. */
function sourceOf(home: StreamName, input: TagImageInput, following: Following): TagSource {
  const { kind, name, namespace: fromNamespace = null } = input.from
  const source = { fromKind: kind, fromName: name, fromNamespace, reference: flag(input.reference) }
  if (kind === 'DockerImage' || input.alias || (kind === 'ImageStreamTag' && input.reference)) return source
  const named = streamTagOf(home, source) ?? streamImageOf(home, source)
  const image = following.sourceImage(home, source)
  if (!named || !image) throw new NotFoundError(whyNoImage(named))
  return { ...source, fromKind: 'ImageStreamImage', fromName: `${named.stream}@${image.digest}` }
}

const whyNoImage = (named: StreamTag | StreamImage | undefined): string =>
  named && 'tag' in named
    ? `${formatStreamTag(named)} has no image to copy; alias: true waits for one`
    : `${named?.namespace}/${named?.stream} never had an image ${named?.digest}`
