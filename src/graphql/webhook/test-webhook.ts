import type { HintTarget } from '../../webhooks/hint-targets.ts'
import type { ScopedHint } from '../../webhooks/scope.ts'
import type { WebhookTest } from '../../webhooks/test-webhook.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamType } from '../kit/object-types.ts'
import { streamOf } from '../kit/stream-of.ts'
import { WebhookType } from './webhook.ts'
import { WebhookActionEnum, WebhookDeliveryOutcomeEnum } from './webhook-delivery.ts'
import { webhookIdOf } from './webhook-mutations.ts'

const TestWebhookInput = builder.inputType('TestWebhookInput', {
  description: 'A test of a webhook.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Global `id` of the webhook.' }),
    repository: t.string({
      description:
        'Repository in the test delivery, without the registry: `team/app`. If omitted, a repository from which an image stream of the namespace imports.',
    }),
    tag: t.string({
      description:
        'Tag in the test delivery. If omitted, a tag that an image stream imports from the repository, or `latest`.',
    }),
    follow: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'Whether to start imports as after a real delivery; the default is false. Changes that the registry confirms are recorded.',
    }),
  }),
})

const WebhookTestHintType = builder.objectRef<ScopedHint>('WebhookTestHint').implement({
  description: 'A change that the test delivery reports.',
  fields: (t) => ({
    action: t.field({
      type: WebhookActionEnum,
      description: 'Reported action.',
      resolve: ({ action }) => action,
    }),
    registry: t.exposeString('registry', { description: 'Registry of the change.' }),
    repository: t.exposeString('repository', { description: 'Repository of the change.' }),
    tag: t.exposeString('tag', {
      nullable: true,
      description: 'Tag that changed; null if any tag of the repository may have changed.',
    }),
  }),
})

const WebhookTestTargetType = builder.objectRef<HintTarget>('WebhookTestTarget').implement({
  description: 'A tag of an image stream that a real delivery would import.',
  fields: (t) => ({
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The image stream; null if it was deleted in the meantime.',
      resolve: (target, _args, context) => streamOf(target, context),
    }),
    tag: t.string({
      nullable: true,
      description: 'Name of the tag; null for all tags of the stream’s repository.',
      resolve: ({ tag }) => tag || null,
    }),
  }),
})

const TestWebhookPayload = builder.objectRef<WebhookTest>('TestWebhookPayload').implement({
  description: 'Result of a test delivery, and the effect that a real delivery would have.',
  fields: (t) => ({
    webhook: t.field({ type: WebhookType, description: 'The webhook.', resolve: ({ webhook }) => webhook }),
    outcome: t.field({
      type: WebhookDeliveryOutcomeEnum,
      description: 'Outcome of the delivery.',
      resolve: ({ outcome }) => outcome,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Human-readable reason why the delivery has no effect; null if it was accepted. For senders with authenticity `JWT`, a test skips the signature check.',
    }),
    note: t.exposeString('note', {
      nullable: true,
      description: 'Summary of the delivery as in the delivery log; null if it could not be parsed.',
    }),
    hints: t.field({
      type: [WebhookTestHintType],
      description: 'Changes that the delivery reports, within the scope of the webhook.',
      resolve: ({ hints }) => hints,
    }),
    targets: t.field({
      type: [WebhookTestTargetType],
      description:
        'Tags that would be imported; empty if no image stream of the namespace imports from the repository.',
      resolve: ({ targets }) => batch(targets),
    }),
  }),
})

builder.mutationField('testWebhook', (t) =>
  t.field({
    type: TestWebhookPayload,
    description:
      'Processes a delivery as the sender would send it, signed with the newest secret, and returns its outcome. The delivery log contains it as a test. `NOT_FOUND` if the webhook does not exist.',
    args: {
      input: t.arg({
        type: TestWebhookInput,
        required: true,
        description: 'The webhook and the contents of the test delivery.',
      }),
    },
    resolve: (_mutation, { input }, { webhooks }) => webhooks.test({ ...input, id: webhookIdOf(input.id) }),
  }),
)
