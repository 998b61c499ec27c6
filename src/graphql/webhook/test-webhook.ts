import type { HintTarget } from '../../webhooks/hint-targets.ts'
import type { ScopedHint } from '../../webhooks/scope.ts'
import type { WebhookTest } from '../../webhooks/test-webhook.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { ImageStreamType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { objectType } from '../kit/types.ts'
import { WebhookType } from './webhook.ts'
import { WebhookActionEnum, WebhookDeliveryOutcomeEnum } from './webhook-delivery.ts'
import { webhookIdOf } from './webhook-mutations.ts'

const TestWebhookInput = inputType('TestWebhookInput', {
  description: 'A test of a webhook.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the webhook.'),
    repository: t.string(
      'Repository in the test delivery, without the registry: `team/app`. If omitted, a repository from which an image stream of the namespace imports.',
    ),
    tag: t.string(
      'Tag in the test delivery. If omitted, a tag that an image stream imports from the repository, or `latest`.',
    ),
    follow: t.flag(
      'Whether to start imports as after a real delivery; the default is false. Changes that the registry confirms are recorded.',
    ),
  }),
})

const WebhookTestHintType = objectType<ScopedHint>('WebhookTestHint', {
  description: 'A change that the test delivery reports.',
  properties: (t) => ({
    action: t.one(WebhookActionEnum, 'Reported action.'),
    registry: t.string('Registry of the change.'),
    repository: t.string('Repository of the change.'),
    tag: t.stringOrNull('Tag that changed; null if any tag of the repository may have changed.'),
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

const TestWebhookPayload = objectType<WebhookTest>('TestWebhookPayload', {
  description: 'Result of a test delivery, and the effect that a real delivery would have.',
  properties: (t) => ({
    webhook: t.one(WebhookType, 'The webhook.'),
    outcome: t.one(WebhookDeliveryOutcomeEnum, 'Outcome of the delivery.'),
    reason: t.stringOrNull(
      'Human-readable reason why the delivery has no effect; null if it was accepted. For senders with authenticity `JWT`, a test skips the signature check.',
    ),
    note: t.stringOrNull('Summary of the delivery as in the delivery log; null if it could not be parsed.'),
    hints: t.list(WebhookTestHintType, 'Changes that the delivery reports, within the scope of the webhook.'),
  }),
  fields: (t) => ({
    targets: t.field({
      type: [WebhookTestTargetType],
      description:
        'Tags that would be imported; empty if no image stream of the namespace imports from the repository.',
      resolve: ({ targets }) => batch(targets),
    }),
  }),
})

mutation('testWebhook', {
  description:
    'Processes a delivery as the sender would send it, signed with the newest secret, and returns its outcome. The delivery log contains it as a test. `NOT_FOUND` if the webhook does not exist.',
  input: TestWebhookInput,
  inputDescription: 'The webhook and the contents of the test delivery.',
  payload: TestWebhookPayload,
  resolve: (input, { webhooks }) => webhooks.test({ ...input, id: webhookIdOf(input.id) }),
})
