import type { LoggedTarget } from '../../receivers/delivery-history.ts'
import { loadReferred } from '../kit/batch.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { PART_OF_RECEIVER, ReceiverHintType, ReceiverTargetType } from './references.ts'

registerRowNode('ReceiverTarget', {
  load: (id, { receivers }) => receivers.log.targetsByIds([id]).get(id),
  access: PART_OF_RECEIVER,
})

export const ReceiverTargetStateEnum = enumType('ReceiverTargetState', {
  description: 'State of a tag that a hint applies to.',
  names: { OPEN: 'WAITING' },
  values: {
    OPEN: 'No import is requested at the moment: the tag waits for the running import of the image stream to finish, or for `nextAttemptAt`.',
    REQUESTED: 'An import was requested and has not finished.',
    FINISHED: 'The import finished; the tag points to the image that the registry returned.',
    FAILED:
      'The import could not read the tag, and no further attempt follows; `message` contains the cause.',
    UP_TO_DATE: 'No import was necessary: the tag already pointed to the reported image.',
  },
})

interface AffectedTag {
  readonly streamId: number | null
  /** Empty for all tags of the stream's repository. */
  readonly tag: string
}

/** The field `imageStream` of a tag that a delivery concerns. */
export const targetStream = {
  type: ImageStreamType,
  nullable: true as const,
  description: 'The image stream; null if it was deleted in the meantime.',
  resolve: (target: AffectedTag, _args: object, context: GraphQLContext) => streamOf(target, context),
}

/** The field `tag` of a tag that a delivery concerns. */
export const targetTag = {
  nullable: true as const,
  description: 'Name of the tag; null for all tags of the stream’s repository.',
  resolve: ({ tag }: AffectedTag) => tag || null,
}

objectType(ReceiverTargetType, {
  description:
    'A tag of an image stream that a hint applies to, and what became of it. It is deleted with its delivery and with the image stream.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    state: t.one(ReceiverTargetStateEnum, 'State of the tag.'),
    retryCount: t.int('Number of further attempts after the first import, including a planned one.'),
    reason: t.oneOrNull(
      FailureReasonEnum,
      'Why the last finished import could not read the tag; null if it could, or if there was none.',
    ),
    message: t.stringOrNull(
      'Explanation for people why the last finished import could not read the tag; null if it could, or if there was none.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the target.',
      resolve: ({ id }) => nodeId('ReceiverTarget', id),
    }),
    imageStream: t.field(targetStream),
    tag: t.string(targetTag),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time of the next import, because the last one failed or did not confirm the reported change yet; null if none is planned.',
      resolve: ({ state, nextAttemptAt }) => (state === 'OPEN' ? nextAttemptAt : null),
    }),
    import: t.field({
      type: ImportType,
      nullable: true,
      description:
        'Last import of the tag, which may cover other hints for the image stream. Null if there was none, and if it was deleted: the last 50 imports of a stream are kept.',
      resolve: (target, _args, { viewer, importer }) =>
        loadReferred(target, 'import', 'importId', (ids) => importer.byIds(viewer, ids)),
    }),
    hint: t.field({
      type: ReceiverHintType,
      nullable: true,
      description: 'The reported change; null if its delivery was deleted from the log in the meantime.',
      resolve: (target, _args, { receivers }) =>
        loadReferred(target, 'hint', 'hintId', (ids) => receivers.log.hintsByIds(ids)),
    }),
  }),
})

export const ReceiverTargetConnection = connectionType('ReceiverTarget', ReceiverTargetType, {
  items: 'targets',
})
export const targetCursors = keyCursors<LoggedTarget>('targets', ({ id }) => [id])
