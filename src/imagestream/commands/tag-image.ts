import type { Database } from '../../db/open.ts'
import { NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Importer } from '../import/import.ts'
import { emptySpec } from '../spec/change-spec.ts'
import { checkResourceVersion } from '../spec/resource-version.ts'
import { flag, isImportable, type Spec, type SpecTagContent } from '../spec/spec.ts'
import {
  type From,
  formatStreamTag,
  type Home,
  isFromStream,
  type StreamImage,
  type StreamTag,
  streamImageOf,
  streamTagOf,
} from '../spec/tag-source.ts'
import type { Following } from '../stream/follow.ts'
import type { Streams } from '../stream/stream.ts'
import type { TagRecorder } from '../tag/record.ts'
import { checkTagImage, type TagImage } from './tag-image-input.ts'
import type { StreamWriter } from './write-stream.ts'

export interface UntagImage {
  readonly namespace: string
  readonly imageStream: string
  readonly tag: string
  readonly resourceVersion?: string | null | undefined
}

export interface Tagged {
  readonly streamId: number
  readonly tag: TagName
  /** The import that was begun, when the image comes from a registry. */
  readonly importId: number | null
}

/** Points tags at images, as `oc tag` does: through the spec, so that the source is known afterwards. */
export interface Tagging {
  /**
   * Creates the stream where there is none. The tag means its source's image at once, also where somebody pushed another
   * one to it since the same was asked before. Throws InvalidInputError; NotFoundError where the source means nothing;
   * ConflictError where it may mean several images, or the resource version is not the newest.
   */
  tagImage(input: TagImage): Tagged
  /**
   * Removes the tag with its history, and what the spec says of it. Returns the stream's id. Throws InvalidInputError;
   * NotFoundError where neither spec nor status has the tag; ConflictError.
   */
  untagImage(input: UntagImage): number
}

export interface TaggingDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: StreamWriter
  readonly importer: Importer
  readonly following: Following
  readonly recorder: TagRecorder
  /** How streams import that do not say. */
  readonly importMode: ImportMode
}

const nothingToCopy = (named: StreamTag | StreamImage | undefined): NotFoundError =>
  new NotFoundError(
    named && 'tag' in named
      ? `${formatStreamTag(named)} has no image to copy; alias: true waits for one`
      : `${named?.namespace}/${named?.stream} never had an image ${named?.digest}`,
  )

export function createTagging(dependencies: TaggingDependencies): Tagging {
  const { db, streams, writer, importer, following, recorder, importMode } = dependencies
  const fieldOf = (): string => 'from.name'

  /** What to write as the source: for a copy the image that it means now, by its whole digest. */
  const sourceOf = (home: Home, input: TagImage): From => {
    const { kind, name, namespace = null } = input.from
    const asked = {
      fromKind: kind,
      fromName: name,
      fromNamespace: namespace,
      reference: flag(input.reference),
    }
    if (kind === 'DockerImage' || input.alias || (kind === 'ImageStreamTag' && input.reference)) return asked
    const named = streamTagOf(home, asked) ?? streamImageOf(home, asked)
    const meant = following.meaning(home, asked)
    if (!named || !meant) throw nothingToCopy(named)
    return { ...asked, fromKind: 'ImageStreamImage', fromName: `${named.stream}@${meant.digest}` }
  }

  const contentOf = (home: Home, input: TagImage, old: SpecTagContent | undefined): SpecTagContent => ({
    annotations: old?.annotations ?? '[]',
    ...sourceOf(home, input),
    policy: null,
    insecure: flag(input.insecure),
    scheduled: flag(input.scheduled),
    importMode: input.importMode ?? old?.importMode ?? importMode,
    referencePolicy: input.referencePolicy ?? old?.referencePolicy ?? 'Source',
  })

  return {
    tagImage(input) {
      const home = { namespace: input.namespace, name: input.imageStream }
      const tag = checkTagImage(input)
      return db.transact((tx) => {
        const existing = streams.byName(home.namespace, home.name)
        checkResourceVersion({ ...home, resourceVersion: input.resourceVersion }, existing)
        const old = existing ? streams.spec(existing) : emptySpec(importMode)
        const content = contentOf(home, input, old.tags.get(tag))
        const spec: Spec = { ...old, tags: new Map(old.tags).set(tag, content) }
        const { stream } = existing
          ? writer.writeSpec(tx, existing, spec, { fieldOf })
          : writer.insert(tx, home, spec, { fieldOf })
        // a spec that said so already was not written: the tag may have moved away since
        if (isFromStream(content)) following.takeOver(tx, stream, { tags: [tag], fieldOf })
        const importId = isImportable(content)
          ? importer.request(tx, stream.id, { repository: false, specTags: [tag], repositoryTags: [] })
          : null
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
