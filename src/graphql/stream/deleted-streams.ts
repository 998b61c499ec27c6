import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { checkNamespace } from '../../input/names.ts'
import { streamNamed } from '../../input/qualified-name.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import { checkWait, inputType, mutation } from '../kit/inputs.ts'
import { withLastSpecs } from '../kit/last-specs.ts'
import { ImageStreamType } from '../kit/references.ts'
import { namespaceFilterArg } from '../kit/search-filter.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { payloadOf, writtenPayload } from './mutations.ts'
import { ImageStreamConnection } from './stream-search.ts'

builder.queryField('imageStreamByUid', (t) =>
  t.field({
    type: ImageStreamType,
    nullable: true,
    description:
      'Returns an image stream by `uid`, also after its deletion, with its labels, its last spec and the histories of its tags; null if no stream has the `uid` or the deleted stream was pruned.',
    access: 'view',
    example: `
      query ImageStreamByUid($uid: String!) {
        imageStreamByUid(uid: $uid) { namespace name deletionTimestamp }
      }
    `,
    args: { uid: t.arg.string({ required: true, description: '`uid` of the image stream.' }) },
    resolve: (_query, { uid }, { viewer, streams }) => {
      const found = streams.byUid(viewer, uid)
      return found && withLastSpecs([found])[0]
    },
  }),
)

const deletedCursors = keyCursors<ImageStream>(
  'deletedImageStreams',
  ({ deletedAt, id }) => [deletedAt ?? 0, id],
  ['number', 'number'],
)

builder.queryField('deletedImageStreams', (t) =>
  t.field({
    type: ImageStreamConnection,
    description:
      'Returns the deleted image streams that are not pruned yet, the last deleted first. `restoreImageStream` restores them.',
    access: 'view',
    example: `
      # Streams that restoreImageStream can restore.
      query DeletedImageStreams {
        deletedImageStreams(first: 10) { nodes { namespace name uid deletionTimestamp } }
      }
    `,
    args: {
      ...namespaceFilterArg('image streams'),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { namespace, ...args }, { viewer, streams }, info) => {
      if (namespace != null) checkNamespace(namespace)
      return connection(args, info, {
        cursors: deletedCursors,
        rows: async (page) => withLastSpecs(await streams.deleted(viewer, namespace ?? undefined, page)),
        totalCount: () => streams.countDeleted(viewer, namespace ?? undefined),
      })
    },
  }),
)

const RestoreImageStreamInput = inputType('RestoreImageStreamInput', {
  description: 'A deleted image stream to restore.',
  fields: (t) => ({
    uid: t.requiredString('`uid` of the deleted image stream, from `deletedImageStreams`.'),
    namespace: t.string('Namespace of the restored stream; by default the one that it had.'),
    name: t.string(
      'Name of the restored stream: `app`, or `team/app` with its namespace; by default the one that it had. Required if that name is taken.',
    ),
    waitSeconds: t.waitSeconds(),
  }),
})

mutation('restoreImageStream', {
  description:
    'Restores a deleted image stream with its spec, and its tags with their images and histories, and imports its sources. `NOT_FOUND` if no stream has the `uid`, `ALREADY_EXISTS` if its name is taken.',
  access: 'create',
  complexity: MUTATION_COMPLEXITY.stream,
  example: `
    mutation RestoreImageStream($uid: String!) {
      restoreImageStream(input: { uid: $uid }) { imageStream { namespace name tags(first: 10) { nodes { tag } } } }
    }
  `,
  input: RestoreImageStreamInput,
  inputDescription: 'The image stream.',
  payload: writtenPayload('RestoreImageStreamPayload', 'restored'),
  resolve: (input, context) => {
    const { uid, namespace, name, waitSeconds } = input
    const seconds = checkWait(waitSeconds)
    const target = name == null ? { namespace } : streamNamed({ namespace, name })
    return payloadOf(context.streamRemoval.restore(context.viewer, { uid, ...target }), seconds, context)
  },
})
