import type { LoggedDelivery } from '../../receivers/delivery-history.ts'
import { batch, loadReferred } from '../kit/batch.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { enumType, objectType } from '../kit/types.ts'
import { hintCursors, ReceiverHintConnection } from './receiver-hint.ts'
import { PART_OF_RECEIVER, ReceiverDeliveryType, ReceiverType } from './references.ts'

registerRowNode('ReceiverDelivery', {
  load: (id, { receivers }) => receivers.log.deliveriesByIds([id]).get(id),
  access: PART_OF_RECEIVER,
})

export const ReceiverDeliveryOutcomeEnum = enumType('ReceiverDeliveryOutcome', {
  description: 'Outcome of a delivery.',
  values: {
    ACCEPTED: 'The delivery is authentic and reports a possible change.',
    DUPLICATE: 'The delivery was received before.',
    IGNORED:
      'The delivery is authentic and reports no change within the scope of the receiver: for example a ping, a pull or another repository.',
    REFUSED: 'The delivery is not authentic, or its authenticity could not be verified.',
    FAILED: 'The delivery could not be parsed, or the secret of the receiver cannot be opened.',
  },
})

objectType(ReceiverDeliveryType, {
  description: 'A request to a receiver, with its outcome. The body and headers are not stored.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    receivedAt: t.dateTime('Time at which the delivery was received.'),
    senderDeliveryId: t.stringOrNull(
      'ID of the delivery at its sender, the same for repeated deliveries; null if it has none.',
    ),
    outcome: t.one(ReceiverDeliveryOutcomeEnum, 'Outcome of the delivery.'),
    message: t.stringOrNull(
      'Explanation for people why the delivery has no effect; null if it was accepted.',
    ),
    summary: t.stringOrNull(
      'The delivery in one line, for example `push of team/app:v1`; null if it could not be parsed.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the delivery.',
      resolve: ({ id }) => nodeId('ReceiverDelivery', id),
    }),
    isTest: t.boolean({
      description: 'Whether `testReceiver` created the delivery.',
      resolve: ({ isTest }) => isTest === 1,
    }),
    senderAddress: t.string({
      nullable: true,
      description: 'IP address of the sender, for IPv6 its /64 network; null for a test.',
      resolve: ({ isTest, senderAddress }) => (isTest === 1 ? null : senderAddress),
    }),
    receiver: t.field({
      type: ReceiverType,
      nullable: true,
      description: 'The receiver; null if it was deleted in the meantime.',
      resolve: (delivery, _args, { receivers }) =>
        loadReferred(delivery, 'receiver', 'receiverId', (ids) => receivers.store.byIds(ids)),
    }),
    hints: t.field({
      type: ReceiverHintConnection,
      description:
        'Changes that the delivery reports, within the scope of the receiver, in their order in the delivery; at most 500 are stored.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (delivery, args, { receivers: { log } }, info) =>
        ownedConnection(delivery, args, info, {
          name: 'hints',
          cursors: hintCursors,
          rows: (ids, page) => batch(log.hintsOf(ids, page)),
          ownerIdOf: ({ deliveryId }) => deliveryId,
          counts: (ids) => log.countHints(ids),
        }),
    }),
  }),
})

export const ReceiverDeliveryConnection = connectionType('ReceiverDelivery', ReceiverDeliveryType, {
  items: 'deliveries',
})
export const deliveryCursors = keyCursors<LoggedDelivery>('deliveries', ({ id }) => [id])
