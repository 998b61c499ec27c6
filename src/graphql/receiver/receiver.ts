import { checkNamespace } from '../../input/names.ts'
import { pathOf, type Receiver, settingsOf } from '../../receivers/receiver.ts'
import type { SecretLifetime } from '../../receivers/secrets.ts'
import { SENDER_KINDS, SENDERS, type SenderKind } from '../../vendors/senders.ts'
import { batch, loadById } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { namespaceArg } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { enumType, objectType } from '../kit/types.ts'
import { deliveryCursors, ReceiverDeliveryConnection } from './receiver-delivery.ts'
import { ReceiverHealthType } from './receiver-health.ts'

registerRowNode('Receiver', (id, { receivers }) => receivers.store.byIds([id]).get(id))

export const ReceiverType = builder.objectRef<Receiver>('Receiver')

export const ReceiverSenderEnum = enumType('ReceiverSender', {
  description: 'Sender of webhook deliveries, which determines their format and authentication.',
  values: Object.fromEntries(SENDER_KINDS.map((kind) => [kind, SENDERS[kind].description])) as Record<
    SenderKind,
    string
  >,
})

const ReceiverAuthenticityEnum = enumType('ReceiverAuthenticity', {
  description: 'Method by which a delivery is authenticated.',
  values: {
    SIGNATURE: 'The body is signed with the secret.',
    TOKEN: 'A header contains the secret.',
    URL: 'The URL contains the secret as `?secret=`, because the sender supports no other method.',
    JWT: 'The sender’s platform signs a token with keys of its own; there is no secret.',
  },
})

const ReceiverSecretType = objectType<SecretLifetime>('ReceiverSecret', {
  description: 'An accepted secret of a receiver, without its value.',
  properties: (t) => ({
    createdAt: t.dateTime('Time at which the secret was created.'),
    expiresAt: t.dateTimeOrNull(
      'Time from which the secret is no longer accepted; null if it does not expire.',
    ),
  }),
})

const ReceiverSettingsType = objectType<Receiver['settings']>('ReceiverSettings', {
  description: 'Settings of some senders in addition to the secret.',
  properties: (t) => ({
    pathPrefix: t.stringOrNull(
      'Prefix of image names in references, instead of the sender’s own repository, for example `docker-virtual`; null if it is not set.',
    ),
    audience: t.stringOrNull('Required `aud` claim of the sender’s token; null for the receiver’s URL.'),
    serviceAccount: t.stringOrNull('Required service account of the sender’s token; null if it is not set.'),
    isSigned: t.booleanOrNull(
      'Whether the secret signs the body, for a sender that can also send the secret itself; null for the default, which is true.',
    ),
  }),
})

objectType(ReceiverType, {
  description:
    'A URL at which a registry, or a service that watches one, reports pushes. A delivery is a hint: the server requests the affected tags from the registry at once, and records only what the registry confirms.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace whose image streams the receiver applies to.'),
    sender: t.one(ReceiverSenderEnum, 'Sender of the deliveries, which determines their format.'),
    registry: t.string('Registry whose changes the receiver reports, spelled as in references: `quay.io`.'),
    aliases: t.strings('Other host names that the sender may use for the registry.'),
    repositories: t.strings(
      'Paths of the repositories whose changes the receiver may report; empty if it may report all.',
    ),
    settings: t.one(ReceiverSettingsType, 'Settings of the sender in addition to the secret.'),
    enabled: t.boolean('Whether the receiver accepts deliveries.'),
    createdAt: t.dateTime('Time at which the receiver was created.'),
    updatedAt: t.dateTime('Time at which the receiver was last changed.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the receiver.',
      resolve: ({ id }) => nodeId('Receiver', id),
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
      description: 'Instructions for the sender, one for each step, with `SECRET` in place of the secret.',
      resolve: (receiver, _args, context) => stepsOf(receiver, 'SECRET', context),
    }),
    secrets: t.field({
      type: [ReceiverSecretType],
      description: 'Accepted secrets without their values, newest first: two during a rotation.',
      resolve: (receiver, _args, { receivers }) =>
        loadById(receiver, 'secrets', (ids) => receivers.store.secretsOf(ids)) ?? [],
    }),
    health: t.field({
      type: ReceiverHealthType,
      description: 'State and counters of the receiver.',
      resolve: (receiver) => receiver,
    }),
    deliveries: t.field({
      type: ReceiverDeliveryConnection,
      description:
        'Delivery log, newest first. It keeps 30 days, and at most the last 1000 deliveries that reported a change and the last 500 others.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (receiver, args, { receivers: { log } }, info) =>
        ownedConnection(receiver, args, info, {
          name: 'deliveries',
          cursors: deliveryCursors,
          rows: (ids, page) => batch(log.ofReceivers(ids, page)),
          ownerIdOf: ({ receiverId }) => receiverId,
          counts: (ids) => log.countOf(ids),
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

const ReceiverConnection = connectionType('Receiver', ReceiverType, { items: 'receivers' })
const receiverCursors = keyCursors<Receiver>('receivers', ({ id }) => [id])

builder.queryField('receivers', (t) =>
  t.field({
    type: ReceiverConnection,
    description: 'Returns the receivers of a namespace, oldest first; there are at most 200.',
    complexity: pageComplexity,
    args: {
      ...namespaceArg('Namespace of the receivers'),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { receivers: { store } }, info) => {
      checkNamespace(namespace)
      return connection(args, info, {
        cursors: receiverCursors,
        rows: (page) => batch(store.ofNamespace(namespace, page)),
        totalCount: () => store.countOf(namespace),
      })
    },
  }),
)
