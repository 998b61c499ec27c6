import { pullSpecOf } from '../../imagestream/spec/pull-spec.ts'
import type { ImageStream, SpecTag } from '../../imagestream/spec/spec.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { streamOrTagNamed } from '../../input/qualified-name.ts'
import { DEFAULT_TAG, isTagName } from '../../oci/tag.ts'
import { loadForBatch, loadReferred, loadRows } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { streamNamespaceArg } from '../kit/inputs.ts'
import { anyStream, withLastSpecs } from '../kit/last-specs.ts'
import { NodeInterface, namedNodeId, registerNamedNode } from '../kit/node.ts'
import { ImageStreamTagType, ImageStreamType, ImageType, TagReferenceType } from '../kit/references.ts'
import { PART_OF_STREAM } from '../kit/stream-of.ts'
import { objectType } from '../kit/types.ts'
import { ConditionType } from './condition.ts'
import { history, TagEventConnection } from './tag-event.ts'
import { removedTagOfStream, tagOfStream } from './tags-of-stream.ts'

registerNamedNode('ImageStreamTag', {
  load: (streamId, name, context) => {
    if (!isTagName(name)) return undefined
    const stream = anyStream(streamId, context)
    return stream && (tagOfStream(stream, name, context) ?? removedTagOfStream(stream, name, context))
  },
  access: PART_OF_STREAM,
})

/** Returns the global id of a tag, also of one that only the spec has. */
export const tagId = ({ streamId, name }: Tag): string => namedNodeId('ImageStreamTag', streamId, name)

/** Returns the stream, which may be deleted: histories of images lead to its tags. */
const anyStreamOf = (tag: Tag, { viewer, streams }: GraphQLContext): ImageStream => {
  const found = loadReferred(tag, 'imageStream', 'streamId', (ids) => {
    const shown = withLastSpecs([...streams.evenDeleted(viewer, ids).values()])
    return new Map(shown.map((stream) => [stream.id, stream]))
  })
  if (!found) throw new Error(`the stream of tag ${tag.id} does not exist`)
  return found
}

/** Returns the tag's entry in the spec, loaded for the tag's batch; undefined if there is none. */
export const specTagOf = (tag: Tag, _args: object, { streams }: GraphQLContext): SpecTag | undefined =>
  loadForBatch(tag, 'spec', (tags) => {
    return new Map(
      streams.namedSpecTags(tags).map((specTag) => [`${specTag.streamId}/${specTag.name}`, specTag]),
    )
  }).get(`${tag.streamId}/${tag.name}`)

objectType(ImageStreamTagType, {
  description: 'A tag of an image stream, with the image that the tag points to and its history.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    image: t.oneOrNull(ImageType, 'The image that the tag points to; null while the tag has no image.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the tag.',
      resolve: tagId,
    }),
    name: t.string({
      description: 'Name of the stream and of the tag, as `ruby:latest`.',
      resolve: (tag, _args, context) => `${anyStreamOf(tag, context).name}:${tag.name}`,
    }),
    tag: t.exposeString('name', { description: 'Name of the tag, for example `latest`.' }),
    imageStream: t.field({
      type: ImageStreamType,
      description: 'Image stream that the tag belongs to.',
      resolve: (tag, _args, context) => anyStreamOf(tag, context),
    }),
    spec: t.field({
      type: TagReferenceType,
      nullable: true,
      description:
        'Entry of the tag in the stream’s spec. Null if the tag comes from the stream’s repository or was pushed.',
      resolve: specTagOf,
    }),
    items: t.field({
      type: TagEventConnection,
      description: 'History of the tag, newest first: one entry for each change of its image.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: history,
    }),
    removedAt: t.expose('removedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which the tag was removed; null for a tag that exists. A removed tag has a history and no image.',
    }),
    conditions: t.field({
      type: [ConditionType],
      description:
        'Conditions of the tag, which are present while something fails: at most one of each type, `IMPORT_SUCCESS` and `POLICY_CHOICE`.',
      resolve: (tag, _args, { tags }) => loadRows(tag, 'conditions', 'tagId', (ids) => tags.conditions(ids)),
    }),
    dockerImageReference: t.string({
      nullable: true,
      description:
        'Pull spec of the image that the tag points to; null while the tag has no image. It names the tag’s own image stream for an image that was pushed to this registry, also where it was pushed to another image stream and tagged here. With `referencePolicy: LOCAL` it names the integrated registry also for an imported image, and the registry pulls missing content through.',
      resolve: (tag, args, context) => {
        const specTag = specTagOf(tag, args, context)
        const { image, dockerImageReference } = tag
        if (!image || dockerImageReference === null) return null
        const { registry, pullRepository } = context
        return pullSpecOf(
          { digest: image.digest, dockerImageReference },
          specTag?.referencePolicy,
          registry.isIntegrated ? pullRepository(anyStreamOf(tag, context)) : null,
        )
      },
    }),
  }),
})

builder.queryField('imageStreamTag', (t) =>
  t.field({
    type: ImageStreamTagType,
    nullable: true,
    description: 'Returns a tag of an image stream by name; null if the stream or the tag does not exist.',
    access: 'view',
    example: `
      # The image that a tag points to now, and those that it pointed to before.
      query ImageStreamTag {
        imageStreamTag(name: "ruby:latest") {
          dockerImageReference
          image { digest created size }
          items(first: 5) { nodes { created dockerImageReference } }
        }
      }
    `,
    args: {
      ...streamNamespaceArg(),
      name: t.arg.string({
        required: true,
        description:
          'Name of the stream and of the tag: `ruby:3.3`, or `team/ruby:3.3` with the namespace; `ruby` is short for `ruby:latest`.',
      }),
    },
    resolve: (_query, args, context) => {
      const { namespace, name, tag } = streamOrTagNamed(args)
      const stream = context.streams.byName(context.viewer, namespace, name)
      return stream && tagOfStream(stream, tag ?? DEFAULT_TAG, context)
    },
  }),
)
