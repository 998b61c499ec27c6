import { InvalidCursorError } from '../../events/cursor.ts'
import type { Push, PushFilter } from '../../events/push-log.ts'
import type { Image } from '../../imagestream/image/image.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace } from '../../input/names.ts'
import { imageOf } from '../image/image.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { checkGlob } from '../kit/checks.ts'
import { Connection, type Cursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImagePushType, ImageStreamType, ImageType } from '../kit/object-types.ts'
import { streamOf } from '../kit/stream-of.ts'

registerRowNode(
  'ImagePush',
  (sequence, { pushes }) => pushes.read({ after: sequence - 1, before: sequence + 1, limit: 1 })[0],
)

/** The image that the tag meant before, read for all pushes that were read together with it. */
export const previousImageOf = (push: Push, { images }: GraphQLContext): Image | null | undefined =>
  push.previousImageId === null
    ? null
    : loadForBatch(push, 'previousImage', (pushes) => {
        const found = images.byIds([
          ...new Set(pushes.flatMap(({ previousImageId }) => previousImageId ?? [])),
        ])
        batch([...found.values()])
        return found
      }).get(push.previousImageId)

const PushSourceEnum = builder.enumType('PushSource', {
  description: 'How an image came to a tag.',
  values: {
    IMPORT: { description: 'An import found it in a registry.' },
    REGISTRY: { description: 'It was pushed to the integrated registry.' },
    TAG: { description: 'The tag was set to, or follows, an image that a stream already had.' },
  } as const,
})

ImagePushType.implement({
  description: 'A tag got another image.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Names this push among all objects.',
      resolve: ({ sequence }) => nodeId('ImagePush', sequence),
    }),
    cursor: t.string({
      description: 'Where it stands in the push log: hand it back as `since` to get what came after it.',
      resolve: ({ sequence }, _args, { pushes }) => pushes.cursor(sequence),
    }),
    pushedAt: t.expose('pushedAt', { type: 'DateTime', description: 'When this server saw it.' }),
    source: t.field({
      type: PushSourceEnum,
      description: 'How the image came.',
      resolve: ({ source }) => source,
    }),
    namespace: t.exposeString('namespace', { description: 'Namespace of the stream.' }),
    imageStreamName: t.exposeString('imageStreamName', {
      description: 'Name of the stream, also once it is deleted.',
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The stream as it is now; null once it is deleted.',
      resolve: (push, _args, context) => streamOf(push, context),
    }),
    tag: t.exposeString('tag', { description: 'Name of the tag: `3.3`.' }),
    dockerImageReference: t.exposeString('dockerImageReference', {
      description: 'Pull spec of the image, by digest.',
    }),
    image: t.field({
      type: ImageType,
      description: 'The image that the tag means since.',
      resolve: (push, _args, context) => imageOf(push, context),
    }),
    previousImage: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image that the tag meant before; null when this was its first.',
      resolve: (push, _args, context) => previousImageOf(push, context),
    }),
  }),
})

const ImagePushConnection = connectionType('ImagePush', ImagePushType, { items: 'pushes', counted: false })

interface PushArguments {
  readonly namespace?: string | null | undefined
  readonly imageStream?: string | null | undefined
  readonly tag?: string | null | undefined
}

/** The pushes that the arguments of `imagePushed` and `imagePushes` ask for. Throws InvalidInputError. */
export function pushFilterOf({ namespace, imageStream, tag }: PushArguments): PushFilter {
  if (namespace != null) checkNamespace(namespace)
  return {
    namespace: namespace ?? undefined,
    imageStream: checkGlob(imageStream, 'imageStream'),
    tag: checkGlob(tag, 'tag'),
  }
}

/** Position of a cursor that a client gave. Throws InvalidInputError, CursorExpiredError. */
function positionOf(cursor: string, field: string, { pushes }: GraphQLContext): number {
  try {
    return pushes.position(cursor)
  } catch (error) {
    if (error instanceof InvalidCursorError)
      throw new InvalidInputError(field, error.message, { cause: error })
    throw error
  }
}

const pushCursors = (context: GraphQLContext): Cursors<Push> => ({
  encode: ({ sequence }) => context.pushes.cursor(sequence),
  decode: (cursor, field) => [positionOf(cursor, field, context)],
})

const filterArgs = builder.args((t) => ({
  namespace: t.string({ description: 'Only of streams in this namespace.' }),
  imageStream: t.string({
    description: 'Only of streams whose name matches; `*` stands for any characters.',
  }),
  tag: t.string({ description: 'Only of tags whose name matches; `*` stands for any characters.' }),
}))

builder.queryField('imagePushes', (t) =>
  t.field({
    type: ImagePushConnection,
    description:
      'The push log: every time that a tag of any stream got another image, oldest first. `pageInfo.endCursor` is there also when nothing was pushed yet, to subscribe from.',
    args: {
      ...filterArgs,
      since: t.arg.string({
        description:
          'Only what came after this `cursor` of a push; `CURSOR_EXPIRED` when it is no longer kept.',
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { since, ...args }, context, info) => {
      const filter = pushFilterOf(args)
      const cursors = pushCursors(context)
      const page = pageOf(args, cursors, info)
      const floor = Math.max(
        since == null ? 0 : positionOf(since, 'since', context),
        Number(page.after?.[0] ?? 0),
      )
      return new Connection({
        page,
        cursors,
        rows: () => {
          const rows = context.pushes.read({
            after: floor,
            before: page.before && Number(page.before[0]),
            filter,
            descending: page.fromEnd ?? false,
            limit: page.limit + 1,
          })
          return batch(page.fromEnd ? rows.reverse() : rows)
        },
        // who begins with an empty log still has something to subscribe from: as far as was looked
        emptyCursor: () => {
          const end = page.before ? Number(page.before[0]) - 1 : context.pushes.head()
          return context.pushes.cursor(Math.max(floor, end))
        },
        totalCount: () => 0,
      })
    },
  }),
)

builder.subscriptionField('imagePushed', (t) =>
  t.field({
    type: ImagePushType,
    description:
      'Every push after `since` in the order of the log, then each one as it happens: no gap, no repeat. Without `since`, only what is pushed from now on.',
    args: {
      ...filterArgs,
      since: t.arg.string({
        description:
          '`cursor` of the last push that was seen; `CURSOR_EXPIRED` when what followed is no longer kept.',
      }),
    },
    subscribe: () => {
      throw new Error(
        'imagePushed is followed through the push hub, which executes once for all who ask the same',
      )
    },
    // its own object for each execution: what is read beside it is as new as the answer
    resolve: (push) => ({ ...(push as Push) }),
  }),
)
