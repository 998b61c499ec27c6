import { NotFoundError } from '../../input/errors.ts'
import { urlWithSecret } from '../../vendors/delivery/authenticity.ts'
import type { Webhook } from '../../webhooks/webhook.ts'
import type { IssuedWebhook } from '../../webhooks/webhooks.ts'
import { builder } from '../kit/builder.ts'
import { checkRange } from '../kit/checks.ts'
import { rowIdOf } from '../kit/node.ts'
import { stepsOf, urlOf, WebhookSenderEnum, WebhookType } from './webhook.ts'

const WebhookSettingsInput = builder.inputType('WebhookSettingsInput', {
  description: 'What some senders need beside the secret; another sender refuses what it has no use for.',
  fields: (t) => ({
    pathPrefix: t.string({
      description:
        'What stands before an image’s name in references, in place of the sender’s own repository: `docker-virtual`.',
    }),
    audience: t.string({ description: 'The `aud` that a token must have; the webhook’s URL when left out.' }),
    serviceAccount: t.string({ description: 'The account that a token must be of, as an e-mail address.' }),
    isSigned: t.boolean({
      description: 'Whether the secret signs the body, for a sender that can also show it plainly.',
    }),
  }),
})

const scopeFields = {
  registry:
    'The registry that it tells of, as references have it: `registry.example:5000`. Docker Hub, Quay and GitHub need not say.',
  aliases: 'Other hosts under which the sender may name that registry, in a network of its own say.',
  repositories:
    'Paths of the repositories that it may tell of (`team` for all below it, or `team/app`); all when empty.',
  settings: 'What its sender needs beside the secret.',
} as const

const CreateWebhookInput = builder.inputType('CreateWebhookInput', {
  description: 'A webhook to create.',
  fields: (t) => ({
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: 'The namespace whose streams it is for.',
    }),
    sender: t.field({
      type: WebhookSenderEnum,
      required: true,
      description: 'Who sends, and so how it is read.',
    }),
    registry: t.string({ description: scopeFields.registry }),
    aliases: t.stringList({ description: scopeFields.aliases }),
    repositories: t.stringList({ description: scopeFields.repositories }),
    settings: t.field({ type: WebhookSettingsInput, description: scopeFields.settings }),
  }),
})

const UpdateWebhookInput = builder.inputType('UpdateWebhookInput', {
  description: 'A change of a webhook: what is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The webhook’s `id`.' }),
    registry: t.string({ description: scopeFields.registry }),
    aliases: t.stringList({ description: scopeFields.aliases }),
    repositories: t.stringList({ description: scopeFields.repositories }),
    settings: t.field({ type: WebhookSettingsInput, description: scopeFields.settings }),
    enabled: t.boolean({ description: 'Whether it takes deliveries.' }),
    dropOldSecret: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Believes only the newest secret from now on.',
    }),
  }),
})

/** Minutes. */
const LONGEST_OVERLAP = 90 * 24 * 60

const RotateWebhookSecretInput = builder.inputType('RotateWebhookSecretInput', {
  description: 'A webhook to give a new secret.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The webhook’s `id`.' }),
    keepOldMinutes: t.int({
      defaultValue: 24 * 60,
      description: `Minutes for which the secret before is believed as well: 0 to ${LONGEST_OVERLAP}; null until \`updateWebhook(input: { dropOldSecret: true })\`.`,
    }),
  }),
})

const DeleteWebhookInput = builder.inputType('DeleteWebhookInput', {
  description: 'A webhook to delete, with the log of its deliveries.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The webhook’s `id`.' }) }),
})

const IssuedWebhookPayload = builder.objectRef<IssuedWebhook>('IssuedWebhookPayload').implement({
  description: 'A webhook with its new secret, which is shown only here.',
  fields: (t) => ({
    webhook: t.field({ type: WebhookType, description: 'The webhook.', resolve: ({ webhook }) => webhook }),
    secret: t.exposeString('secret', {
      nullable: true,
      description:
        'The secret, to be given to the sender now; null where its platform signs with keys of its own.',
    }),
    url: t.string({
      description:
        'The URL to give to the sender, with the secret in it where it can show that nowhere else.',
      resolve: ({ webhook, secret }, args, context) => {
        const url = urlOf(webhook, args, context)
        const { authenticity } = context.webhooks.senders[webhook.sender]
        return authenticity === 'URL' && secret !== null ? urlWithSecret({ url, secret }) : url
      },
    }),
    setUp: t.stringList({
      description: 'What to do at the sender, step by step, with URL and secret in their places.',
      resolve: ({ webhook, secret }, _args, context) => stepsOf(webhook, secret ?? '', context),
    }),
  }),
})

const webhookPayload = (name: string, description: string) =>
  builder.objectRef<{ webhook: Webhook }>(name).implement({
    description,
    fields: (t) => ({
      webhook: t.field({ type: WebhookType, description: 'The webhook.', resolve: ({ webhook }) => webhook }),
    }),
  })
const UpdateWebhookPayload = webhookPayload('UpdateWebhookPayload', 'The webhook as it is from now on.')
const DeleteWebhookPayload = webhookPayload(
  'DeleteWebhookPayload',
  'The webhook as it was before it was deleted.',
)

/** Returns the row number in a webhook's `id`. Throws NotFoundError. */
export function webhookIdOf(id: string): number {
  const row = rowIdOf('Webhook', id)
  if (row === undefined) throw new NotFoundError('there is no webhook with this id')
  return row
}

/** Returns milliseconds; null for an overlap without an end. Throws InvalidInputError. */
const overlapOf = (minutes: number | null | undefined): number | null =>
  minutes == null ? null : checkRange('keepOldMinutes', minutes, 0, LONGEST_OVERLAP) * 60_000

builder.mutationFields((t) => ({
  createWebhook: t.field({
    type: IssuedWebhookPayload,
    description:
      'Creates a webhook: a URL and a secret to be given to who tells of pushes, and the steps to do so.',
    args: { input: t.arg({ type: CreateWebhookInput, required: true, description: 'The webhook.' }) },
    resolve: (_mutation, { input }, { webhooks }) => webhooks.store.create(input),
  }),
  rotateWebhookSecret: t.field({
    type: IssuedWebhookPayload,
    description:
      'Gives a webhook a new secret. The one before is believed for a while, so that nothing is lost until the sender has the new one; any older is not.',
    args: { input: t.arg({ type: RotateWebhookSecretInput, required: true, description: 'Which webhook.' }) },
    resolve: (_mutation, { input }, { webhooks }) =>
      webhooks.store.rotate(webhookIdOf(input.id), overlapOf(input.keepOldMinutes)),
  }),
  updateWebhook: t.field({
    type: UpdateWebhookPayload,
    description: 'Changes what a webhook may tell of, disables or enables it, or drops its old secret.',
    args: { input: t.arg({ type: UpdateWebhookInput, required: true, description: 'The change.' }) },
    resolve: (_mutation, { input }, { webhooks }) => ({
      webhook: webhooks.store.update({ ...input, id: webhookIdOf(input.id) }),
    }),
  }),
  deleteWebhook: t.field({
    type: DeleteWebhookPayload,
    description:
      'Deletes a webhook with its log: its URL is nobody’s from now on, and never becomes another one’s.',
    args: { input: t.arg({ type: DeleteWebhookInput, required: true, description: 'Which webhook.' }) },
    resolve: (_mutation, { input }, { webhooks }) => ({
      webhook: webhooks.store.delete(webhookIdOf(input.id)),
    }),
  }),
}))
