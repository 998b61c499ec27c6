import { stateOf, type Webhook } from '../../webhooks/webhook.ts'
import { builder } from '../kit/builder.ts'

const WebhookStateEnum = builder.enumType('WebhookState', {
  description: 'State of a webhook.',
  values: {
    WAITING: { description: 'No delivery was received yet.' },
    HEALTHY: { description: 'The last delivery was authentic and could be parsed.' },
    SILENT: {
      description:
        'No delivery was received for three days. Periodic imports run as if there were no webhook.',
    },
    FAILING: { description: 'The last delivery could not be used; `trouble` contains the reason.' },
    DISABLED: { description: 'The webhook accepts no deliveries: its URL responds with 404.' },
  } as const,
})

/** The state and counters of a webhook. */
export const WebhookHealthType = builder.objectRef<Webhook>('WebhookHealth').implement({
  description: 'State of a webhook, with counters since its creation.',
  fields: (t) => ({
    state: t.field({
      type: WebhookStateEnum,
      description: 'State of the webhook.',
      resolve: (webhook, _args, { webhooks }) => stateOf(webhook, webhooks.now()),
    }),
    trouble: t.exposeString('trouble', {
      nullable: true,
      description: 'Human-readable reason why the last delivery could not be used; null if it could.',
    }),
    accepted: t.exposeInt('accepted', {
      description: 'Number of authenticated deliveries, including those that reported no change.',
    }),
    acceptedAt: t.expose('acceptedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the last authenticated delivery; null if there was none.',
    }),
    refused: t.exposeInt('refused', { description: 'Number of deliveries that were not authentic.' }),
    refusedAt: t.expose('refusedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the last delivery that was not authentic; null if there was none.',
    }),
    announced: t.exposeInt('announced', {
      description: 'Number of changes of tags that a delivery reported and the registry confirmed.',
    }),
    announcedAt: t.expose('announcedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the last reported change was confirmed; null if there was none.',
    }),
    missed: t.exposeInt('missed', {
      description:
        'Number of changes of tags in the webhook’s repositories that a periodic import found and no delivery had reported.',
    }),
    missedAt: t.expose('missedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the last unreported change was found; null if there was none.',
    }),
  }),
})
