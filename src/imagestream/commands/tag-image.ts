import type { Database } from '../../db/open.ts'
import { NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Importer } from '../import/import.ts'
import { checkResourceVersion } from '../spec/resource-version.ts'
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
import type { Streams } from '../stream/stream.ts'
import type { TagRecorder } from '../tag/record.ts'
import { importOfTag } from './import-image-plan.ts'
import { checkTagImage, type TagImageInput } from './tag-image-input.ts'
import type { SpecWriter } from './write-spec.ts'
import { readTarget, writeTarget } from './write-target.ts'

export interface UntagImageInput {
  readonly namespace: string
  readonly imageStream: string
  readonly tag: string
  readonly resourceVersion?: string | null | undefined
}

export interface TaggedImage {
  readonly streamId: number
  readonly tag: TagName
  /** The import that was requested; null where the image does not come from a registry. */
  readonly importId: number | null
}

/** Commands that set and remove a tag through the spec, as `oc tag` does, so that the source stays known. */
export interface Tagging {
  /**
   * Sets the source of a tag, and creates the stream where there is none. The tag gets the image of a source in a stream
   * at once, also where another image was pushed to it after the same call before. Throws InvalidInputError; NotFoundError
   * where the source has no image; ConflictError where the source matches several images, or the resource version is not
   * the newest.
   */
  tagImage(input: TagImageInput): TaggedImage
  /**
   * Removes a tag with its history and its spec tag. Returns the id of the stream. Throws InvalidInputError; NotFoundError
   * where neither spec nor status has the tag; ConflictError.
   */
  untagImage(input: UntagImageInput): number
}

export interface TaggingDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: SpecWriter
  readonly importer: Importer
  readonly following: Following
  readonly recorder: TagRecorder
  /** Import mode of streams that do not set one. */
  readonly importMode: ImportMode
}

export function createTagging(dependencies: TaggingDependencies): Tagging {
  const { db, streams, writer, importer, following, recorder, importMode } = dependencies
  const fieldOf = (): string => 'from.name'

  const contentOf = (
    home: StreamName,
    input: TagImageInput,
    old: SpecTagContent | undefined,
  ): SpecTagContent => ({
    annotations: old?.annotations ?? '[]',
    ...sourceOf(home, input, following),
    policy: null,
    insecure: flag(input.insecure),
    scheduled: flag(input.scheduled),
    importMode: input.importMode ?? old?.importMode ?? importMode,
    referencePolicy: input.referencePolicy ?? old?.referencePolicy ?? 'Source',
  })

  return {
    tagImage(input) {
      const { namespace, imageStream: name, resourceVersion } = input
      const tag = checkTagImage(input)
      return db.transact((tx) => {
        const target = readTarget(streams, { namespace, name, resourceVersion }, importMode)
        const old = target.spec
        const content = contentOf(target, input, old.tags.get(tag))
        const spec = { ...old, tags: new Map(old.tags).set(tag, content) }
        const { stream } = writeTarget(tx, writer, target, { spec, fieldOf })
        // an unchanged spec was not written, and the tag may have moved since
        if (isFromStream(content)) following.copySources(tx, stream, { tags: [tag], fieldOf })
        const importId = isImportable(content) ? importer.request(tx, stream.id, importOfTag(tag)) : null
        return { streamId: stream.id, tag, importId }
      })
    },

    untagImage(input) {
      const { namespace, imageStream, resourceVersion } = input
      checkNamespace(namespace)
      checkStreamName(namespace, imageStream, 'imageStream')
      const tag = checkTagName(input.tag)
      return db.transact((tx) => {
        const stream = streams.byName(namespace, imageStream)
        if (!stream) throw new NotFoundError(`there is no image stream ${namespace}/${imageStream}`)
        checkResourceVersion({ namespace, name: imageStream, resourceVersion }, stream)
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
function sourceOf(
  home: StreamName,
  input: TagImageInput,
  following: Pick<Following, 'sourceImage'>,
): TagSource {
  const { kind, name, namespace = null } = input.from
  const source = {
    fromKind: kind,
    fromName: name,
    fromNamespace: namespace,
    reference: flag(input.reference),
  }
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
