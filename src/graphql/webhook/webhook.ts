import { checkNamespace } from '../../input/names.ts'
import { SENDER_KINDS, type SenderKind } from '../../vendors/delivery/sender.ts'
import type { SecretLifetime } from '../../webhooks/secrets.ts'
import { pathOf, settingsOf, type Webhook } from '../../webhooks/webhook.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { deliveryCursors, WebhookDeliveryConnection } from './webhook-delivery.ts'
import { WebhookHealthType } from './webhook-health.ts'

registerRowNode('Webhook', (id, { webhooks }) => webhooks.store.byIds([id]).get(id))

export const WebhookType = builder.objectRef<Webhook>('Webhook')

const SENDERS: Readonly<Record<SenderKind, string>> = {
  DISTRIBUTION:
    'CNCF distribution: docker-registry, `registry:2` and `registry:3`, and what is built on them.',
  GITLAB: 'The container registry of a GitLab that one runs oneself.',
  DOCKER_HUB: 'Docker Hub, one webhook for each repository.',
  QUAY: 'Quay, as the service or self-hosted.',
  GITHUB: 'GitHub’s container registry, through the webhooks of a repository or organization.',
  HARBOR: 'Harbor, one webhook for each project, in either of its formats.',
  AZURE: 'Azure Container Registry, through a webhook of its own.',
  AZURE_EVENT_GRID: 'Azure Container Registry, through Event Grid.',
  ECR: 'Amazon ECR, through EventBridge and an API destination.',
  GOOGLE: 'Google Artifact Registry, through a push subscription of Pub/Sub.',
  JFROG: 'JFrog Artifactory.',
  NEXUS: 'Sonatype Nexus Repository.',
  ZOT: 'zot, through its HTTP sink of events.',
  ALIYUN: 'Alibaba Cloud Container Registry.',
  GENERIC: 'Anything that can send JSON: the last step of a build, say.',
}

export const WebhookSenderEnum = builder.enumType('WebhookSender', {
  description: 'Who sends webhooks, and so in which form and how they are believed.',
  values: Object.fromEntries(
    SENDER_KINDS.map((kind) => [kind, { value: kind, description: SENDERS[kind] }]),
  ) as Record<SenderKind, { value: SenderKind; description: string }>,
})

const WebhookAuthenticityEnum = builder.enumType('WebhookAuthenticity', {
  description: 'How a delivery shows that it is its sender’s.',
  values: {
    SIGNATURE: { description: 'The secret signs the body.' },
    TOKEN: { description: 'The secret stands in a header.' },
    URL: { description: 'The secret stands in the URL, as `?secret=`: this sender can show nothing else.' },
    JWT: { description: 'The sender’s platform signs a token with keys of its own; there is no secret.' },
  } as const,
})

const WebhookSecretType = builder.objectRef<SecretLifetime>('WebhookSecret').implement({
  description: 'A secret that is believed, without itself.',
  fields: (t) => ({
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'From when on it is not believed any more; null for none.',
    }),
  }),
})

const WebhookSettingsType = builder.objectRef<Webhook['settings']>('WebhookSettings').implement({
  description: 'What some senders need beside the secret.',
  fields: (t) => ({
    pathPrefix: t.exposeString('pathPrefix', {
      nullable: true,
      description:
        'What stands before an image’s name in references, in place of the sender’s own repository: `docker-virtual`.',
    }),
    audience: t.exposeString('audience', {
      nullable: true,
      description: 'The `aud` that a token must have; null: the webhook’s URL.',
    }),
    serviceAccount: t.exposeString('serviceAccount', {
      nullable: true,
      description: 'The account that a token must be of.',
    }),
    isSigned: t.exposeBoolean('isSigned', {
      nullable: true,
      description:
        'Whether the secret signs the body, for a sender that can also show it plainly; null: it signs.',
    }),
  }),
})

WebhookType.implement({
  description:
    'A URL at which a registry, or who watches one, tells of pushes. What it tells is a hint: the tags of streams that it concerns are asked for at once, and only what the registry itself says makes history.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Names this webhook among all objects.',
      resolve: ({ id }) => nodeId('Webhook', id),
    }),
    namespace: t.exposeString('namespace', { description: 'The namespace whose streams it is for.' }),
    sender: t.field({
      type: WebhookSenderEnum,
      description: 'Who sends, and so how it is read.',
      resolve: ({ sender }) => sender,
    }),
    authenticity: t.field({
      type: WebhookAuthenticityEnum,
      description: 'How its deliveries are believed.',
      resolve: ({ sender }, _args, { webhooks }) => webhooks.senders[sender].authenticity,
    }),
    registry: t.exposeString('registry', {
      description: 'The registry that it tells of, as references have it: `quay.io`.',
    }),
    aliases: t.exposeStringList('aliases', {
      description: 'Other hosts under which the sender may name that registry.',
    }),
    repositories: t.exposeStringList('repositories', {
      description: 'Paths of the repositories that it may tell of; none are listed where it may tell of all.',
    }),
    settings: t.field({
      type: WebhookSettingsType,
      description: 'What its sender needs beside the secret.',
      resolve: ({ settings }) => settings,
    }),
    path: t.string({ description: 'The path of its URL; nobody can guess it.', resolve: pathOf }),
    url: t.string({
      description:
        'Where to send to: the path below `--public-url`, or without that below this machine’s own name. A sender that shows its secret in the URL appends it.',
      resolve: urlOf,
    }),
    enabled: t.exposeBoolean('enabled', { description: 'Whether it takes deliveries.' }),
    setUp: t.stringList({
      description: 'What to do at the sender, step by step, with `SECRET` in place of the secret.',
      resolve: (webhook, _args, context) => stepsOf(webhook, 'SECRET', context),
    }),
    secrets: t.field({
      type: [WebhookSecretType],
      description:
        'The secrets that are believed, newest first: two while a sender is given a new one. Never they themselves.',
      resolve: (webhook, _args, { webhooks }) =>
        loadForBatch(webhook, 'secrets', (all) => webhooks.store.secretsOf(all.map(({ id }) => id))).get(
          webhook.id,
        ) ?? [],
    }),
    health: t.field({
      type: WebhookHealthType,
      description: 'How it goes.',
      resolve: (webhook) => webhook,
    }),
    deliveries: t.field({
      type: WebhookDeliveryConnection,
      description:
        'What was delivered, newest first: kept for 30 days, the last 1000 that told something and the last 500 others.',
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
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
})

/** Without the secret, also where the sender shows that in it. */
export function urlOf(webhook: Webhook, _args: object, { webhooks }: GraphQLContext): string {
  return webhooks.publicUrl() + pathOf(webhook)
}

/** The steps at the sender. */
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
    description: 'A namespace’s webhooks, oldest first; at most 200.',
    complexity: pageComplexity,
    args: {
      namespace: t.arg.string({ required: true, defaultValue: 'default', description: 'The namespace.' }),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { webhooks: { store } }, info) => {
      checkNamespace(namespace)
      const page = pageOf(args, webhookCursors, info)
      return new Connection({
        page,
        cursors: webhookCursors,
        rows: () => batch(store.ofNamespace(namespace, page)),
        totalCount: () => store.countOf(namespace),
      })
    },
  }),
)
