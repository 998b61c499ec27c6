import { checkNamespace } from '../../input/names.ts'
import { SENDER_KINDS, SENDERS, type SenderKind } from '../../vendors/senders.ts'
import type { SecretLifetime } from '../../webhooks/secrets.ts'
import { pathOf, settingsOf, type Webhook } from '../../webhooks/webhook.ts'
import { batch, loadById } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { namespaceArg } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { enumType, objectType } from '../kit/types.ts'
import { deliveryCursors, WebhookDeliveryConnection } from './webhook-delivery.ts'
import { WebhookHealthType } from './webhook-health.ts'

registerRowNode('Webhook', (id, { webhooks }) => webhooks.store.byIds([id]).get(id))

export const WebhookType = builder.objectRef<Webhook>('Webhook')

export const WebhookSenderEnum = enumType('WebhookSender', {
  description: 'Sender of webhook deliveries, which determines their format and authentication.',
  values: Object.fromEntries(SENDER_KINDS.map((kind) => [kind, SENDERS[kind].description])) as Record<
    SenderKind,
    string
  >,
})

const WebhookAuthenticityEnum = enumType('WebhookAuthenticity', {
  description: 'Method by which a delivery is authenticated.',
  values: {
    SIGNATURE: 'The body is signed with the secret.',
    TOKEN: 'A header contains the secret.',
    URL: 'The URL contains the secret as `?secret=`, because the sender supports no other method.',
    JWT: 'The sender’s platform signs a token with keys of its own; there is no secret.',
  },
})

const WebhookSecretType = objectType<SecretLifetime>('WebhookSecret', {
  description: 'An accepted secret of a webhook, without its value.',
  properties: (t) => ({
    createdAt: t.dateTime('Time at which the secret was created.'),
    expiresAt: t.dateTimeOrNull(
      'Time from which the secret is no longer accepted; null if it does not expire.',
    ),
  }),
})

const WebhookSettingsType = objectType<Webhook['settings']>('WebhookSettings', {
  description: 'Settings of some senders in addition to the secret.',
  properties: (t) => ({
    pathPrefix: t.stringOrNull(
      'Prefix of image names in references, instead of the sender’s own repository, for example `docker-virtual`; null if it is not set.',
    ),
    audience: t.stringOrNull('Required `aud` claim of the sender’s token; null for the webhook’s URL.'),
    serviceAccount: t.stringOrNull('Required service account of the sender’s token; null if it is not set.'),
    isSigned: t.booleanOrNull(
      'Whether the secret signs the body, for a sender that can also send the secret itself; null for the default, which is true.',
    ),
  }),
})

objectType(WebhookType, {
  description:
    'A URL at which a registry, or a service that watches one, reports pushes. A delivery is a hint: the server requests the affected tags from the registry at once, and records only what the registry confirms.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace whose image streams the webhook applies to.'),
    sender: t.one(WebhookSenderEnum, 'Sender of the deliveries, which determines their format.'),
    registry: t.string('Registry whose changes the webhook reports, spelled as in references: `quay.io`.'),
    aliases: t.strings('Other host names that the sender may use for the registry.'),
    repositories: t.strings(
      'Paths of the repositories whose changes the webhook may report; empty if it may report all.',
    ),
    settings: t.one(WebhookSettingsType, 'Settings of the sender in addition to the secret.'),
    enabled: t.boolean('Whether the webhook accepts deliveries.'),
    createdAt: t.dateTime('Time at which the webhook was created.'),
    updatedAt: t.dateTime('Time at which the webhook was last changed.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the webhook.',
      resolve: ({ id }) => nodeId('Webhook', id),
    }),
    authenticity: t.field({
      type: WebhookAuthenticityEnum,
      description: 'Method by which deliveries are authenticated.',
      resolve: ({ sender }, _args, { webhooks }) => webhooks.senders[sender].authenticity,
    }),
    path: t.string({ description: 'Path of the webhook’s URL, which cannot be guessed.', resolve: pathOf }),
    url: t.string({
      description:
        'URL for the sender without the secret: `path` below `--public-url`, or below the host name of this machine if that is not set. With authenticity `URL`, the sender’s URL has the secret appended.',
      resolve: urlOf,
    }),
    setUp: t.stringList({
      description: 'Instructions for the sender, one for each step, with `SECRET` in place of the secret.',
      resolve: (webhook, _args, context) => stepsOf(webhook, 'SECRET', context),
    }),
    secrets: t.field({
      type: [WebhookSecretType],
      description: 'Accepted secrets without their values, newest first: two during a rotation.',
      resolve: (webhook, _args, { webhooks }) =>
        loadById(webhook, 'secrets', (ids) => webhooks.store.secretsOf(ids)) ?? [],
    }),
    health: t.field({
      type: WebhookHealthType,
      description: 'State and counters of the webhook.',
      resolve: (webhook) => webhook,
    }),
    deliveries: t.field({
      type: WebhookDeliveryConnection,
      description:
        'Delivery log, newest first. It keeps 30 days, and at most the last 1000 deliveries that reported a change and the last 500 others.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (webhook, args, { webhooks: { log } }, info) =>
        ownedConnection(webhook, args, info, {
          name: 'deliveries',
          cursors: deliveryCursors,
          rows: (ids, page) => batch(log.ofWebhooks(ids, page)),
          ownerIdOf: ({ webhookId }) => webhookId,
          counts: (ids) => log.countOf(ids),
        }),
    }),
  }),
})

/** Returns the webhook's URL, always without the secret. */
export function urlOf(webhook: Webhook, _args: object, { webhooks }: GraphQLContext): string {
  return webhooks.publicUrl() + pathOf(webhook)
}

/** Returns the set-up instructions for the sender, one for each step. */
export const stepsOf = (webhook: Webhook, secret: string, context: GraphQLContext): readonly string[] =>
  context.webhooks.senders[webhook.sender].setUp({
    url: urlOf(webhook, {}, context),
    secret,
    settings: settingsOf(webhook),
  })

const WebhookConnection = connectionType('Webhook', WebhookType, { items: 'webhooks' })
const webhookCursors = keyCursors<Webhook>('webhooks', ({ id }) => [id])

builder.queryField('webhooks', (t) =>
  t.field({
    type: WebhookConnection,
    description: 'Returns the webhooks of a namespace, oldest first; there are at most 200.',
    complexity: pageComplexity,
    args: {
      ...namespaceArg('Namespace of the webhooks'),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { webhooks: { store } }, info) => {
      checkNamespace(namespace)
      return connection(args, info, {
        cursors: webhookCursors,
        rows: (page) => batch(store.ofNamespace(namespace, page)),
        totalCount: () => store.countOf(namespace),
      })
    },
  }),
)
