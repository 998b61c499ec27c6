import { pathOf, type Receiver, settingsOf, stateOf } from '../../receivers/receiver.ts'
import { batch, loadById } from '../kit/batch.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { enumType, objectType } from '../kit/types.ts'
import {
  deliveryCursors,
  ReceiverDeliveryConnection,
  ReceiverDeliveryOutcomeEnum,
} from './receiver-delivery.ts'
import {
  ReceiverAuthenticityEnum,
  ReceiverSecretType,
  ReceiverSenderEnum,
  ReceiverSettingsType,
} from './receiver-settings.ts'
import { ReceiverTargetConnection, ReceiverTargetStateEnum, targetCursors } from './receiver-target.ts'
import { ReceiverType } from './references.ts'

registerRowNode('Receiver', {
  load: (id, { receivers }) => receivers.store.byIds([id]).get(id),
  access: { right: 'configure', namespaceOf: ({ namespace }) => namespace },
})

const ReceiverStateEnum = enumType('ReceiverState', {
  description: 'State of a receiver, by its last delivery.',
  values: {
    WAITING: 'No delivery was received yet.',
    HEALTHY: 'The last delivery was authentic and could be parsed.',
    SILENT:
      'No authentic delivery was received for three days. Periodic imports run as if there were no receiver.',
    FAILING: 'The last delivery could not be used; `message` contains the cause.',
    DISABLED: 'The receiver accepts no deliveries: its URL responds with 404.',
  },
})

objectType(ReceiverType, {
  description:
    'A URL at which a registry, or a service that watches one, reports pushes. A delivery is a hint: the server requests the affected tags from the registry at once, and records only what the registry confirms.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace whose image streams the receiver applies to.'),
    sender: t.one(ReceiverSenderEnum, 'Sender of the deliveries, which determines their format.'),
    registry: t.string('Registry whose changes the receiver reports, spelled as in references: `quay.io`.'),
    aliases: t.strings('Other host names that the sender may use for the registry; at most 100.'),
    repositories: t.strings(
      'Paths of the repositories whose changes the receiver may report, at most 100; empty if it may report all.',
    ),
    settings: t.one(ReceiverSettingsType, 'Settings of the sender in addition to the secret.'),
    enabled: t.boolean('Whether the receiver accepts deliveries.'),
    createdAt: t.dateTime('Time at which the receiver was created.'),
    message: t.stringOrNull(
      'Explanation for people why the last delivery could not be used; null if it could.',
    ),
    acceptedCount: t.int(
      'Number of authenticated deliveries since the creation, including those that reported no change.',
    ),
    lastAcceptedAt: t.dateTimeOrNull('Time of the last authenticated delivery; null if there was none.'),
    refusedCount: t.int('Number of deliveries since the creation that were not authentic.'),
    lastRefusedAt: t.dateTimeOrNull(
      'Time of the last delivery that was not authentic; null if there was none.',
    ),
    confirmedCount: t.int(
      'Number of changes of tags since the creation that a delivery reported and the registry confirmed.',
    ),
    lastConfirmedAt: t.dateTimeOrNull(
      'Time at which the last reported change was confirmed; null if there was none.',
    ),
    missedCount: t.int(
      'Number of changes of tags in the receiver’s repositories since the creation that a periodic import found and no delivery had reported.',
    ),
    lastMissedAt: t.dateTimeOrNull(
      'Time at which the last unreported change was found; null if there was none.',
    ),
  }),
  fields: (t) => ({
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Time at which the receiver was last changed.',
    }),
    id: t.id({
      description: 'Global identifier of the receiver.',
      resolve: ({ id }) => nodeId('Receiver', id),
    }),
    state: t.field({
      type: ReceiverStateEnum,
      description: 'State of the receiver. Imports that failed are in `targets(state: FAILED)`.',
      resolve: (receiver, _args, { receivers }) => stateOf(receiver, receivers.now()),
    }),
    authenticity: t.field({
      type: ReceiverAuthenticityEnum,
      description: 'Method by which deliveries are authenticated.',
      resolve: ({ sender }, _args, { receivers }) => receivers.senders[sender].authenticity,
    }),
    path: t.string({ description: 'Path of the receiver’s URL, which cannot be guessed.', resolve: pathOf }),
    url: t.string({
      description:
        'URL for the sender without the secret: `path` below `--public-url`, or below the host name of this machine if that is not set. With authenticity `URL`, the sender’s URL has the secret appended.',
      resolve: urlOf,
    }),
    setUp: t.stringList({
      description:
        'Instructions for the sender, one for each step, at most 10, with `SECRET` in place of the secret.',
      resolve: (receiver, _args, context) => stepsOf(receiver, 'SECRET', context),
    }),
    secrets: t.field({
      type: [ReceiverSecretType],
      description:
        'Accepted secrets without their values, newest first: one, two during a rotation, and none with authenticity `JWT`.',
      resolve: (receiver, _args, { receivers }) =>
        loadById(receiver, 'secrets', (ids) => receivers.store.secretsOf(ids)) ?? [],
    }),
    deliveries: t.field({
      type: ReceiverDeliveryConnection,
      description:
        'Delivery log, newest first. It keeps 30 days, and at most the last 1000 deliveries that reported a change and the last 500 others.',
      args: {
        outcome: t.arg({
          type: ReceiverDeliveryOutcomeEnum,
          description: 'Returns only deliveries with this outcome.',
        }),
        ...connectionArgs,
      },
      complexity: pageComplexity,
      resolve: (receiver, { outcome, ...args }, { receivers: { log } }, info) =>
        ownedConnection(receiver, args, info, {
          name: `deliveries ${outcome ?? ''}`,
          cursors: deliveryCursors,
          rows: (ids, page) => batch(log.ofReceivers(ids, page, outcome)),
          ownerIdOf: ({ receiverId }) => receiverId,
          counts: (ids) => log.countOf(ids, outcome),
        }),
    }),
    targets: t.field({
      type: ReceiverTargetConnection,
      description:
        'Tags of image streams that deliveries in the log reported as changed and that are in one state, newest first: work that waits, runs or failed.',
      args: {
        state: t.arg({
          type: ReceiverTargetStateEnum,
          required: true,
          description: 'Returns only tags in this state.',
        }),
        ...connectionArgs,
      },
      complexity: pageComplexity,
      resolve: (receiver, { state, ...args }, { receivers: { log } }, info) =>
        ownedConnection(receiver, args, info, {
          name: `targets ${state}`,
          cursors: targetCursors,
          rows: (ids, page) => batch(log.targetsInState(ids, page, state)),
          ownerIdOf: ({ receiverId }) => receiverId,
          counts: (ids) => log.countInState(ids, state),
        }),
    }),
  }),
})

/** Returns the receiver's URL, always without the secret. */
export function urlOf(receiver: Receiver, _args: object, { receivers }: GraphQLContext): string {
  return receivers.publicUrl() + pathOf(receiver)
}

/** Returns the set-up instructions for the sender, one for each step. */
export const stepsOf = (receiver: Receiver, secret: string, context: GraphQLContext): readonly string[] =>
  context.receivers.senders[receiver.sender].setUp({
    url: urlOf(receiver, {}, context),
    secret,
    settings: settingsOf(receiver),
  })
