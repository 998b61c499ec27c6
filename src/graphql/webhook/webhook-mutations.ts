import { urlWithSecret } from '../../vendors/delivery/scheme.ts'
import type { Webhook } from '../../webhooks/webhook.ts'
import { type IssuedWebhook, MAX_OVERLAP_MINUTES } from '../../webhooks/webhooks.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { stepsOf, urlOf, WebhookSenderEnum, WebhookType } from './webhook.ts'

const WebhookSettingsInput = inputType('WebhookSettingsInput', {
  description:
    'Settings of some senders in addition to the secret. `INVALID` for a setting that the sender does not use.',
  fields: (t) => ({
    pathPrefix: t.string(
      'Prefix of image names in references, instead of the sender’s own repository, for example `docker-virtual`.',
    ),
    audience: t.string('Required `aud` claim of the sender’s token. If omitted, the webhook’s URL.'),
    serviceAccount: t.string('Required service account of the sender’s token, as an e-mail address.'),
    isSigned: t.boolean(
      'Whether the secret signs the body, for a sender that can also send the secret itself.',
    ),
  }),
})

const SCOPE_DESCRIPTIONS = {
  registry:
    'Registry whose changes the webhook reports, spelled as in references: `registry.example:5000`. Required except for Docker Hub, Quay and GitHub.',
  aliases: 'Other host names that the sender may use for the registry, for example in a private network.',
  repositories:
    'Paths of the repositories whose changes the webhook may report: `team/app`, or `team` for all repositories below it. An empty list allows all.',
  settings: 'Settings of the sender in addition to the secret.',
} as const

const CreateWebhookInput = inputType('CreateWebhookInput', {
  description: 'A webhook to create.',
  fields: (t) => ({
    namespace: t.namespace('Namespace whose image streams the webhook applies to'),
    sender: t.requiredOne(WebhookSenderEnum, 'Sender of the deliveries, which determines their format.'),
    registry: t.string(SCOPE_DESCRIPTIONS.registry),
    aliases: t.strings(SCOPE_DESCRIPTIONS.aliases),
    repositories: t.strings(SCOPE_DESCRIPTIONS.repositories),
    settings: t.one(WebhookSettingsInput, SCOPE_DESCRIPTIONS.settings),
  }),
})

const UpdateWebhookInput = inputType('UpdateWebhookInput', {
  description: 'Changes of a webhook. Omitted fields do not change.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the webhook.'),
    registry: t.string(SCOPE_DESCRIPTIONS.registry),
    aliases: t.strings(SCOPE_DESCRIPTIONS.aliases),
    repositories: t.strings(SCOPE_DESCRIPTIONS.repositories),
    settings: t.one(WebhookSettingsInput, SCOPE_DESCRIPTIONS.settings),
    enabled: t.boolean('Whether the webhook accepts deliveries.'),
    dropOldSecret: t.flag('Whether to accept only the newest secret from now on; the default is false.'),
  }),
})

const RotateWebhookSecretInput = inputType('RotateWebhookSecretInput', {
  description: 'A webhook whose secret is to be replaced.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the webhook.'),
    keepOldMinutes: t.int({
      defaultValue: 24 * 60,
      description: `Minutes for which the previous secret is also accepted, 0 to ${MAX_OVERLAP_MINUTES}; the default is 1440. Null accepts it until \`updateWebhook(input: { dropOldSecret: true })\`.`,
    }),
  }),
})

const DeleteWebhookInput = inputType('DeleteWebhookInput', {
  description: 'A webhook to delete, with its delivery log.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the webhook.'),
  }),
})

const IssuedWebhookPayload = objectType<IssuedWebhook>('IssuedWebhookPayload', {
  description: 'A webhook with its new secret. Only this response contains the secret.',
  properties: (t) => ({
    webhook: t.one(WebhookType, 'The webhook.'),
    secret: t.stringOrNull(
      'Secret for the sender; null if the sender’s platform signs with keys of its own.',
    ),
  }),
  fields: (t) => ({
    url: t.string({
      description: 'URL for the sender. It contains the secret if the sender’s authenticity is `URL`.',
      resolve: ({ webhook, secret }, args, context) => {
        const url = urlOf(webhook, args, context)
        const { authenticity } = context.webhooks.senders[webhook.sender]
        return authenticity === 'URL' && secret !== null ? urlWithSecret({ url, secret }) : url
      },
    }),
    setUp: t.stringList({
      description: 'Instructions for the sender, one for each step, with the URL and the secret filled in.',
      resolve: ({ webhook, secret }, _args, context) => stepsOf(webhook, secret ?? '', context),
    }),
  }),
})

const webhookPayload = (name: string, description: string) =>
  objectType<{ webhook: Webhook }>(name, {
    description,
    properties: (t) => ({ webhook: t.one(WebhookType, 'The webhook.') }),
  })
const UpdateWebhookPayload = webhookPayload('UpdateWebhookPayload', 'The changed webhook.')
const DeleteWebhookPayload = webhookPayload(
  'DeleteWebhookPayload',
  'The webhook in its state before the deletion.',
)

/** Returns the row number in a webhook's `id`: 0, which no webhook has, for the `id` of another object. */
export const webhookIdOf = (id: string): number => rowIdOf('Webhook', id) ?? 0

mutation('createWebhook', {
  description:
    'Creates a webhook, and returns the URL and the secret for the sender with instructions. `INVALID` if the sender, registry and settings do not fit together.',
  input: CreateWebhookInput,
  inputDescription: 'The webhook.',
  payload: IssuedWebhookPayload,
  resolve: (input, { webhooks }) => webhooks.store.create(input),
})

mutation('rotateWebhookSecret', {
  description:
    'Replaces the secret of a webhook. The previous secret is accepted for `keepOldMinutes`, so that no delivery is lost until the sender has the new one; older secrets are no longer accepted. `NOT_FOUND` if the webhook does not exist.',
  input: RotateWebhookSecretInput,
  inputDescription: 'The webhook.',
  payload: IssuedWebhookPayload,
  resolve: ({ id, keepOldMinutes }, { webhooks }) =>
    webhooks.store.rotate(webhookIdOf(id), keepOldMinutes ?? null),
})

mutation('updateWebhook', {
  description:
    'Changes the scope of a webhook, disables or enables it, or stops accepting its old secret. `NOT_FOUND` if the webhook does not exist.',
  input: UpdateWebhookInput,
  inputDescription: 'The changes.',
  payload: UpdateWebhookPayload,
  resolve: (input, { webhooks }) => ({
    webhook: webhooks.store.update({ ...input, id: webhookIdOf(input.id) }),
  }),
})

mutation('deleteWebhook', {
  description:
    'Deletes a webhook with its delivery log. Its URL is never assigned to another webhook. `NOT_FOUND` if the webhook does not exist.',
  input: DeleteWebhookInput,
  inputDescription: 'The webhook.',
  payload: DeleteWebhookPayload,
  resolve: ({ id }, { webhooks }) => ({ webhook: webhooks.store.delete(webhookIdOf(id)) }),
})
