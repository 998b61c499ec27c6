import type { LoggedHint } from '../../receivers/delivery-history.ts'
import { batch, loadReferred } from '../kit/batch.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { enumType, objectType } from '../kit/types.ts'
import { ReceiverTargetConnection, targetCursors } from './receiver-target.ts'
import { PART_OF_RECEIVER, ReceiverDeliveryType, ReceiverHintType } from './references.ts'

registerRowNode('ReceiverHint', {
  load: (id, { receivers }) => receivers.log.hintsByIds([id]).get(id),
  access: PART_OF_RECEIVER,
})

const ReceiverActionEnum = enumType('ReceiverAction', {
  description: 'Action that a delivery reports.',
  values: {
    push: 'A push of an image or tag.',
    delete: 'A deletion. The registry is requested; no history is deleted.',
  },
})

objectType(ReceiverHintType, {
  description:
    'A change that a delivery reports. It is a hint: the server records only what the registry confirms.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    action: t.one(ReceiverActionEnum, 'Reported action.'),
    registry: t.string('Registry of the change, which is the receiver’s registry.'),
    repository: t.string('Repository of the change, without the registry: `team/app`.'),
    tag: t.stringOrNull('Tag that changed; null if any tag of the repository may have changed.'),
    digest: t.digestOrNull(
      'Digest that the tag points to, as reported; null if the delivery contains none. The digest is not trusted.',
    ),
    handledAt: t.dateTimeOrNull(
      'Time at which the server determined the tags that the hint applies to; null until then.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the hint.',
      resolve: ({ id }) => nodeId('ReceiverHint', id),
    }),
    delivery: t.field({
      type: ReceiverDeliveryType,
      nullable: true,
      description:
        'The delivery that reported the change; null if it was deleted from the log in the meantime.',
      resolve: (hint, _args, { receivers }) =>
        loadReferred(hint, 'delivery', 'deliveryId', (ids) => receivers.log.deliveriesByIds(ids)),
    }),
    targets: t.field({
      type: ReceiverTargetConnection,
      description:
        'Tags of image streams that the hint applies to. Empty until `handledAt`, if no image stream of the namespace imports from the repository, and for a test without `follow`.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (hint, args, { receivers: { log } }, info) =>
        ownedConnection(hint, args, info, {
          name: 'targets',
          cursors: targetCursors,
          rows: (ids, page) => batch(log.targetsOf(ids, page)),
          ownerIdOf: ({ hintId }) => hintId,
          counts: (ids) => log.countTargets(ids),
        }),
    }),
  }),
})

export const ReceiverHintConnection = connectionType('ReceiverHint', ReceiverHintType, { items: 'hints' })
export const hintCursors = keyCursors<LoggedHint>('hints', ({ id }) => [id])
