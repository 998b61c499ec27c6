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
  description: 'A webhook to try.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The webhook’s `id`.' }),
    repository: t.string({
      description:
        'The repository that the delivery tells of, without the registry: `team/app`; one that a stream of the namespace takes images from, when left out.',
    }),
    tag: t.string({
      description:
        'The tag that the delivery tells of; when left out, one that a stream takes from there, or `latest`.',
    }),
    follow: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'Asks the registry as after a real delivery. What it confirms is recorded, and nothing else.',
    }),
  }),
})

const WebhookTestHintType = builder.objectRef<ScopedHint>('WebhookTestHint').implement({
  description: 'Something that the delivery said has changed.',
  fields: (t) => ({
    action: t.field({
      type: WebhookActionEnum,
      description: 'What is said to have happened.',
      resolve: ({ action }) => action,
    }),
    registry: t.exposeString('registry', { description: 'The registry.' }),
    repository: t.exposeString('repository', { description: 'The repository.' }),
    tag: t.exposeString('tag', { nullable: true, description: 'The tag; null for any of the repository’s.' }),
  }),
})

const WebhookTestTargetType = builder.objectRef<HintTarget>('WebhookTestTarget').implement({
  description: 'A tag of a stream that the registry would be asked for.',
  fields: (t) => ({
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The stream; null if it was deleted meanwhile.',
      resolve: (target, _args, context) => streamOf(target, context),
    }),
    tag: t.string({
      nullable: true,
      description: 'The tag; null for all tags of the stream’s repository.',
      resolve: ({ tag }) => tag || null,
    }),
  }),
})

const TestWebhookPayload = builder.objectRef<WebhookTest>('TestWebhookPayload').implement({
  description: 'What came of a delivery like a sender’s own, and what a real one would lead to.',
  fields: (t) => ({
    webhook: t.field({ type: WebhookType, description: 'The webhook.', resolve: ({ webhook }) => webhook }),
    outcome: t.field({
      type: WebhookDeliveryOutcomeEnum,
      description: 'What came of it.',
      resolve: ({ outcome }) => outcome,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Why it led to nothing; null when it was accepted. Of a sender whose platform signs with keys of its own, a test tries what comes after the signature.',
    }),
    note: t.exposeString('note', {
      nullable: true,
      description: 'What it told, as the log has it; null when it could not be read.',
    }),
    hints: t.field({
      type: [WebhookTestHintType],
      description: 'What it said has changed, as far as this webhook may tell.',
      resolve: ({ hints }) => hints,
    }),
    targets: t.field({
      type: [WebhookTestTargetType],
      description:
        'The tags that the registry would be asked for; none where no stream of the namespace takes images from there.',
      resolve: ({ targets }) => batch(targets),
    }),
  }),
})

builder.mutationField('testWebhook', (t) =>
  t.field({
    type: TestWebhookPayload,
    description:
      'Takes a delivery as the sender would send it, signed with the newest secret, the very same way, and says what comes of it. It is in the log, as a test.',
    args: { input: t.arg({ type: TestWebhookInput, required: true, description: 'Which one, and how.' }) },
    resolve: (_mutation, { input }, { webhooks }) => webhooks.test({ ...input, id: webhookIdOf(input.id) }),
  }),
)
