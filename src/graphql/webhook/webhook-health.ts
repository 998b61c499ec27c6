import { stateOf, type Webhook } from '../../webhooks/webhook.ts'
import { builder } from '../kit/builder.ts'

const WebhookStateEnum = builder.enumType('WebhookState', {
  description: 'Whether one can rely on a webhook.',
  values: {
    WAITING: { description: 'Nothing was delivered yet.' },
    HEALTHY: { description: 'What came last was believed and understood.' },
    SILENT: {
      description: 'Nothing was delivered for three days: polling goes on as if there were no webhook.',
    },
    FAILING: { description: 'What came last could not be used: `trouble` says why.' },
    DISABLED: { description: 'It takes nothing: its URL answers as if it were not there.' },
  } as const,
})

/** How it goes with a webhook. */
export const WebhookHealthType = builder.objectRef<Webhook>('WebhookHealth').implement({
  description: 'How it goes with a webhook, counted since it was created.',
  fields: (t) => ({
    state: t.field({
      type: WebhookStateEnum,
      description: 'Whether one can rely on it.',
      resolve: (webhook, _args, { webhooks }) => stateOf(webhook, webhooks.now()),
    }),
    trouble: t.exposeString('trouble', {
      nullable: true,
      description: 'Why what came last could not be used; null when it could.',
    }),
    accepted: t.exposeInt('accepted', {
      description: 'Deliveries that were believed, those that told nothing new among them.',
    }),
    acceptedAt: t.expose('acceptedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last of them came; null when none did.',
    }),
    refused: t.exposeInt('refused', { description: 'Deliveries that were not believed.' }),
    refusedAt: t.expose('refusedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last of them came; null when none did.',
    }),
    announced: t.exposeInt('announced', {
      description: 'Changes of tags that it told of and that the registry then confirmed.',
    }),
    announcedAt: t.expose('announcedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last of them was confirmed; null when none was.',
    }),
    missed: t.exposeInt('missed', {
      description:
        'Changes of tags in repositories that it may tell of, which polling found and nobody had told of.',
    }),
    missedAt: t.expose('missedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last of them was found; null when none was.',
    }),
  }),
})
