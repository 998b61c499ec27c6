import type { TagRemovalOutcome } from '../../imagestream/commands/remove-tag.ts'
import type { TaggedImage } from '../../imagestream/commands/tag-image.ts'
import type { TagInput } from '../../imagestream/commands/write-target.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inputType, mutation, ofTag } from '../kit/inputs.ts'
import { ImageStreamTagType, ImageStreamType, ImportType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { specTagOf, tagId } from './image-stream-tag.ts'
import { stoppedSourcesField } from './stopped-source.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from './tag-reference.ts'
import { ObjectReferenceInput } from './tag-reference-input.ts'
import { removedTagOfStream, tagOfStream } from './tags-of-stream.ts'

const TagImageInput = inputType('TagImageInput', {
  description: 'A tag, and the image that the tag is to point to.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(' The mutation creates the stream if it does not exist.'),
    tag: t.tag('Name of the tag to set'),
    from: t.requiredOne(
      ObjectReferenceInput,
      'Source of the image: a tag of this or another stream such as `app:v1`, an image of a stream’s history, or an image in a registry.',
    ),
    alias: t.flag(
      'Whether the tag follows the source tag, which need not exist yet; the default is false. Otherwise the tag gets the image that the source tag points to now, once.',
    ),
    reference: t.flag(
      'Whether `from` is stored without effect: a pull spec is not imported, and a tag is not followed. The default is false.',
    ),
    scheduled: t.flag(
      'Whether the server imports the tag periodically; the default is false. Only for a `DOCKER_IMAGE` without a digest.',
    ),
    insecure: t.flag(
      'Whether the import may use plain HTTP or accept an invalid certificate; the default is false. Only for a `DOCKER_IMAGE`.',
    ),
    importMode: t.one(
      ImportModeEnum,
      'Part of a multi-platform image that is imported. If omitted, the tag keeps its mode, or gets the server’s default mode if it is new. Only for a `DOCKER_IMAGE`.',
    ),
    referencePolicy: t.one(
      TagReferencePolicyTypeEnum,
      'Pull spec that clients get for the tag’s image. If omitted, the tag keeps its policy.',
    ),
    resourceVersion: t.resourceVersion('has another one or does not exist'),
    waitSeconds: t.waitSeconds(),
  }),
})

const UntagImageInput = inputType('UntagImageInput', {
  description: 'A tag to remove.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(),
    tag: t.tag('Name of the tag to remove'),
    resourceVersion: t.resourceVersion(),
    dryRun: t.flag(
      'Whether to report what would be removed without removing anything; the default is false.',
    ),
  }),
})

const RestoreTagInput = inputType('RestoreTagInput', {
  description: 'A removed tag to restore.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(),
    tag: t.tag('Name of the removed tag'),
    resourceVersion: t.resourceVersion(),
    waitSeconds: t.waitSeconds(),
  }),
})

const TagImagePayload = objectType<{ imageStreamTag: Tag; import: Import | null }>('TagImagePayload', {
  description: 'The tag, and the import that the mutation started.',
  properties: (t) => ({
    imageStreamTag: t.one(
      ImageStreamTagType,
      'The tag after the wait. A tag that is imported from a registry keeps its previous image until the import has finished.',
    ),
    import: t.oneOrNull(
      ImportType,
      'Import from the registry, in its state after the wait; `importProgressed` reports its progress. Null for other sources.',
    ),
  }),
})

const RestoreTagPayload = objectType<{ imageStreamTag: Tag; import: Import | null }>('RestoreTagPayload', {
  description: 'The restored tag, and the import that the mutation started.',
  properties: (t) => ({
    imageStreamTag: t.one(ImageStreamTagType, 'The tag, with a new entry in its history.'),
    import: t.oneOrNull(
      ImportType,
      'Import of the tag’s source; null for a tag without a source in a registry.',
    ),
  }),
})

interface UntaggedPayload extends TagRemovalOutcome {
  readonly isDryRun: boolean
  readonly imageStreamTag: Tag
  readonly imageStream: ImageStream
}

const UntagImagePayload = objectType<UntaggedPayload>('UntagImagePayload', {
  description: 'The image stream without the removed tag, or what the removal would do.',
  properties: (t) => ({
    imageStreamTag: t.one(
      ImageStreamTagType,
      'The removed tag, with `removedAt` and its history and without an image, as `removedTags` contains it. In a dry run the tag in its present state; also for a tag that never had an image, which leaves no history.',
    ),
    imageStream: t.one(ImageStreamType, 'The image stream; unchanged in a dry run.'),
    historyEntryCount: t.int(
      'Number of entries in the history of the tag. They remain until they are pruned, and `restoreTag` restores the tag with them.',
    ),
  }),
  fields: (t) => ({
    deletedId: t.id({
      nullable: true,
      description: 'Global `id` of the removed tag; null in a dry run.',
      resolve: ({ imageStreamTag, isDryRun }) => (isDryRun ? null : tagId(imageStreamTag)),
    }),
    stoppedSources: t.field(stoppedSourcesField),
  }),
})

/** Returns the image stream after the write. */
const writtenStream = (id: number, { viewer, streams }: GraphQLContext): ImageStream => {
  const stream = streams.byIds(viewer, [id]).get(id)
  if (!stream) throw new Error(`the stream ${id} that was just written does not exist`)
  return stream
}

/** Returns a tag with its entry in the spec, which its removal removes; undefined if there is no such tag. */
function presentTag({ namespace, imageStream, tag }: TagInput, context: GraphQLContext): Tag | undefined {
  const stream = context.streams.byName(context.viewer, namespace, imageStream)
  const found = stream && tagOfStream(stream, tag, context)
  if (found) specTagOf(found, {}, context)
  return found
}

/** Returns the tag and the import after the wait. */
async function taggedPayload(
  { streamId, tag, importId }: TaggedImage,
  seconds: number,
  context: GraphQLContext,
) {
  const finished = importId === null ? undefined : await context.importer.wait(importId, seconds)
  const imageStreamTag = tagOfStream(writtenStream(streamId, context), tag, context)
  if (!imageStreamTag) throw new Error(`the tag ${tag} that was just set does not exist`)
  return { imageStreamTag, import: finished ?? null }
}

mutation('tagImage', {
  description:
    'Points a tag to an image, like `oc tag`: to the image of another tag, once or continuously with `alias`; to an image of a history; or to an image in a registry. The integrated registry serves an image of another image stream under the name of this one, if it serves it there. `NOT_FOUND` if there is no image to copy, `INVALID` if the tag would follow itself, or more than 50 tags through one another.',
  access: 'tag',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # A promotion: "prod" gets the image that "latest" points to now.
    mutation TagImage {
      tagImage(input: { imageStream: "ruby:prod", from: { kind: IMAGE_STREAM_TAG, name: "ruby:latest" } }) {
        imageStreamTag { name dockerImageReference }
      }
    }
  `,
  input: TagImageInput,
  inputDescription: 'The tag and the source of its image.',
  payload: TagImagePayload,
  resolve: (input, context) => {
    const seconds = checkWait(input.waitSeconds)
    return taggedPayload(context.tagging.tagImage(context.viewer, ofTag(input)), seconds, context)
  },
})

mutation('untagImage', {
  description:
    'Removes a tag from spec and status. Its history remains until it is pruned, and `restoreTag` restores the tag. Tags that follow the tag keep their images. `NOT_FOUND` if the tag does not exist.',
  access: 'delete',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Removes a tag; restoreTag restores it until its history is pruned.
    mutation UntagImage {
      untagImage(input: { imageStream: "ruby:prod" }) { imageStream { name resourceVersion } }
    }
  `,
  input: UntagImageInput,
  inputDescription: 'The tag to remove.',
  payload: UntagImagePayload,
  resolve: (input, context) => {
    const named = ofTag(input)
    const present = presentTag(named, context)
    const outcome = context.tagRemoval.remove(context.viewer, named)
    if (!present) throw new Error(`the tag ${named.tag} that was just removed did not exist`)
    const imageStream = writtenStream(outcome.streamId, context)
    const removed = input.dryRun ? undefined : removedTagOfStream(imageStream, present.name, context)
    return { ...outcome, isDryRun: input.dryRun, imageStreamTag: removed ?? present, imageStream }
  },
})

mutation('restoreTag', {
  description:
    'Restores a removed tag: the tag points to the image that it had when it was removed, as a new entry of its history, and follows its source again if it had one. `NOT_FOUND` if no tag with the name was removed, `INVALID` if the tag exists.',
  access: 'tag',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # A tag that was removed, with its history.
    mutation RestoreTag {
      restoreTag(input: { imageStream: "ruby:prod" }) { imageStreamTag { name dockerImageReference } }
    }
  `,
  input: RestoreTagInput,
  inputDescription: 'The tag to restore.',
  payload: RestoreTagPayload,
  resolve: (input, context) => {
    const seconds = checkWait(input.waitSeconds)
    return taggedPayload(context.tagRemoval.restore(context.viewer, ofTag(input)), seconds, context)
  },
})
