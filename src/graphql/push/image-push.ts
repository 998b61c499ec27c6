import type { LogEntry } from '../../events/log-entry.ts'
import type { Push, PushFilter } from '../../events/push-filter.ts'
import type { Image } from '../../imagestream/image/image.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import { imageOf } from '../image/image-content.ts'
import { batchValues, loadForBatch, loadReferred } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { ImagePushType, ImageStreamTagType, ImageStreamType, ImageType } from '../kit/references.ts'
import { describePattern, namespaceFilterArg } from '../kit/search-filter.ts'
import { streamOf } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { batchTags } from '../tag/tags-of-stream.ts'
import { logConnection } from './log-connection.ts'

registerNode('ImagePush', {
  load: (key, { viewer, changeLog }) => changeLog.push(viewer, key),
  access: 'load',
})

/** Returns the image that the tag pointed to before, loaded for the push's batch; undefined for a first image. */
export const previousImageOf = (push: Push, { images }: GraphQLContext): Image | undefined =>
  loadReferred(push, 'previousImage', 'previousImageId', (ids) => batchValues(images.byIds(ids)))

/** Returns the tag of an entry, also a removed one, loaded for the entry's batch; undefined for a change of a whole stream. */
export const tagOfEntry = (entry: LogEntry, { tags }: GraphQLContext): Tag | undefined =>
  loadForBatch(entry, 'imageStreamTag', (entries) => {
    const found = tags.atNames(entries)
    batchTags([...found.values()])
    return found
  }).get(`${entry.streamId} ${entry.tag}`)

const PushSourceEnum = enumType('PushSource', {
  description: 'Way in which a tag got an image.',
  values: {
    IMPORT: 'An import found the image in a registry.',
    REGISTRY: 'A client pushed the image to the integrated registry.',
    TAG: 'The tag was set to, or follows, an image of an image stream.',
  },
})

objectType(ImagePushType, {
  description: 'A change of the image that a tag points to.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    pushedAt: t.dateTime('Time at which this server recorded the push.'),
    source: t.one(PushSourceEnum, 'Way in which the tag got the image.'),
    namespace: t.string('Namespace of the image stream.'),
    imageStreamName: t.string('Name of the image stream, even if the stream was deleted.'),
    tag: t.string('Name of the tag, for example `3.3`.'),
    dockerImageReference: t.string('Pull spec of the image by digest.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the push.',
      resolve: ({ sequence }, _args, { changeLog }) => nodeId('ImagePush', changeLog.entryKey(sequence)),
    }),
    cursor: t.string({
      description:
        'Position of the push in the change log. `since` with this cursor returns the pushes after it.',
      resolve: ({ sequence }, _args, { changeLog }) => changeLog.cursor(sequence),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The image stream in its present state; null if the stream was deleted.',
      resolve: (push, _args, context) => streamOf(push, context),
    }),
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description:
        'The tag in its present state, also if it was removed since: a client that selects it updates the tag in its cache. Null once the stream and its history were deleted for good.',
      resolve: (push, _args, context) => tagOfEntry(push, context),
    }),
    image: t.field({
      type: ImageType,
      description: 'The image that the tag points to since the push.',
      resolve: (push, _args, context) => imageOf(push, context),
    }),
    previousImage: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image that the tag pointed to before the push; null if the tag had none.',
      resolve: (push, _args, context) => previousImageOf(push, context),
    }),
  }),
})

const ImagePushConnection = connectionType('ImagePush', ImagePushType, { items: 'pushes', counted: false })

export interface PushFilterArguments {
  readonly namespace?: string | null | undefined
  readonly imageStream?: string | null | undefined
  readonly tag?: string | null | undefined
}

/** Returns the filter of `imagePushed` and `imagePushes`. Throws InvalidInputError. */
export function pushFilterOf({ namespace, imageStream, tag }: PushFilterArguments): PushFilter {
  const { stream, ...pattern } = patternNamed({ namespace, name: imageStream, tag }, 'imageStream')
  return { ...pattern, imageStream: stream }
}

const filterArgs = builder.args((t) => ({
  ...namespaceFilterArg('pushes to image streams'),
  imageStream: t.string({
    description: describePattern('pushes to image streams', ' `app:v1` names the tag too.'),
  }),
  tag: t.string({
    description: 'Returns only pushes to tags whose name matches this pattern; `*` matches any characters.',
  }),
}))

builder.queryField('imagePushes', (t) =>
  t.field({
    type: ImagePushConnection,
    description:
      'Returns the pushes in the change log, oldest first: each change of the image of a tag, in all image streams. `pageInfo.endCursor` is not null even on an empty page, so that a client can subscribe from it.',
    access: 'view',
    example: `
      # The last ten pushes to all streams of the name.
      query ImagePushes {
        imagePushes(imageStream: "ruby", last: 10) {
          nodes { pushedAt tag dockerImageReference previousImage { digest } }
          pageInfo { endCursor }
        }
      }
    `,
    args: {
      ...filterArgs,
      since: t.arg.string({
        description:
          'Returns only pushes after this `cursor` of a push. `CURSOR_EXPIRED` if the log no longer contains all of them.',
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { namespace, imageStream, tag, ...args }, context, info) => {
      const filter = pushFilterOf({ namespace, imageStream, tag })
      return logConnection(args, context, info, (range) =>
        context.changeLog.find(context.viewer, { ...range, filter }, context.work.signal),
      )
    },
  }),
)

/** Never called: the hub executes the operation once for all of its subscribers. */
export const throughHub = (): never => {
  throw new Error('subscriptions to the log run through the push hub')
}

builder.subscriptionField('imagePushed', (t) =>
  t.field({
    type: ImagePushType,
    description:
      'Delivers every push after `since` in the order of the log, then each new push as it happens, without gaps or duplicates. Without `since`, only new pushes are delivered.',
    access: 'view',
    example: `
      # Every push from now on. With since: "<cursor>", also all pushes after that cursor.
      subscription ImagePushed {
        imagePushed(imageStream: "ruby*") {
          cursor
          pushedAt
          imageStreamName
          tag
          dockerImageReference
          previousImage { digest }
        }
      }
    `,
    args: {
      ...filterArgs,
      since: t.arg.string({
        description:
          '`cursor` of the last push that the client received. `CURSOR_EXPIRED` if the log no longer contains all pushes after it.',
      }),
    },
    subscribe: throughHub,
    // a new object for each execution: values that are loaded for it are as new as the result
    resolve: (push) => ({ ...(push as Push) }),
  }),
)
