import { groupBy } from '../../input/maps.ts'
import type { LoggedDelivery, LoggedHint, LoggedTarget } from '../../webhooks/delivery-history.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { checkRange } from '../kit/checks.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import { ImageStreamType, ImportType } from '../kit/object-types.ts'
import { streamOf } from '../kit/stream-of.ts'

export const WebhookDeliveryOutcomeEnum = builder.enumType('WebhookDeliveryOutcome', {
  description: 'Outcome of a webhook delivery.',
  values: {
    ACCEPTED: { description: 'The delivery is authentic and reports a possible change.' },
    DUPLICATE: { description: 'The delivery was received before.' },
    IGNORED: {
      description:
        'The delivery is authentic and reports no change within the scope of the webhook: for example a ping, a pull or another repository.',
    },
    REFUSED: { description: 'The delivery is not authentic.' },
    FAILED: { description: 'The delivery is authentic but could not be parsed.' },
  } as const,
})

export const WebhookActionEnum = builder.enumType('WebhookAction', {
  description: 'Action that a delivery reports.',
  values: {
    PUSH: {
      value: 'push',
      description: 'A push of an image or tag.',
    },
    DELETE: {
      value: 'delete',
      description: 'A deletion. The registry is requested; no history is deleted.',
    },
  } as const,
})

const WebhookTargetStateEnum = builder.enumType('WebhookTargetState', {
  description: 'State of a tag that a hint applies to.',
  values: {
    OPEN: {
      description: 'The tag waits for the running import of the image stream to finish, or for `retryAt`.',
    },
    ASKED: { description: 'The registry was requested; `import` contains the result.' },
    KNOWN: { description: 'No request was necessary: the tag already points to the reported image.' },
  } as const,
})

const WebhookTargetType = builder.objectRef<LoggedTarget>('WebhookTarget').implement({
  description: 'A tag of an image stream that a hint applies to.',
  fields: (t) => ({
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The image stream; null if it was deleted.',
      resolve: (target, _args, context) => streamOf(target, context),
    }),
    tag: t.string({
      nullable: true,
      description: 'Name of the tag; null for all tags of the stream’s repository.',
      resolve: ({ tag }) => tag || null,
    }),
    state: t.field({
      type: WebhookTargetStateEnum,
      description: 'State of the tag.',
      resolve: ({ state }) => state,
    }),
    retryAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time of the next request to the registry, because the last one failed or did not confirm the reported change yet; null if there is none.',
      resolve: ({ state, retryAt }) => (state === 'OPEN' ? retryAt : null),
    }),
    import: t.field({
      type: ImportType,
      nullable: true,
      description:
        'Last import of the tag, which may cover other hints for the image stream. Null if there was none, and if it was deleted: the last 50 imports of a stream are kept.',
      resolve: (target, _args, { importer }) =>
        target.importId === null
          ? null
          : loadForBatch(target, 'import', (all) =>
              importer.byIds([...new Set(all.flatMap(({ importId }) => importId ?? []))]),
            ).get(target.importId),
    }),
  }),
})

/** Targets of one hint, or hints of one delivery: a hint may concern each stream of a namespace. */
const MAX_ITEMS = 500
const firstArg = builder.args((t) => ({
  first: t.int({
    required: true,
    defaultValue: 10,
    description: `Maximum number of items to return, 1 to ${MAX_ITEMS}; the default is 10.`,
  }),
}))
const complexity = ({ first }: { first: number }) => ({
  field: 1,
  multiplier: Math.min(Math.max(first, 1), MAX_ITEMS),
})

const WebhookHintType = builder.objectRef<LoggedHint>('WebhookHint').implement({
  description: 'A change that a delivery reports.',
  fields: (t) => ({
    action: t.field({
      type: WebhookActionEnum,
      description: 'Reported action.',
      resolve: ({ action }) => action,
    }),
    registry: t.exposeString('registry', {
      description: 'Registry of the change, which is the webhook’s registry.',
    }),
    repository: t.exposeString('repository', { description: 'Repository of the change.' }),
    tag: t.exposeString('tag', {
      nullable: true,
      description: 'Tag that changed; null if any tag of the repository may have changed.',
    }),
    digest: t.field({
      type: 'Digest',
      nullable: true,
      description:
        'Digest that the tag points to, as reported; null if the delivery contains none. The digest is not trusted.',
      resolve: ({ digest }) => digest,
    }),
    handledAt: t.expose('handledAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the affected image streams were determined; null until then.',
    }),
    targets: t.field({
      type: [WebhookTargetType],
      description:
        'Tags that the hint applies to; empty if no image stream of the namespace imports from the repository.',
      args: firstArg,
      complexity,
      resolve: (hint, args, { webhooks }) => {
        const first = checkRange('first', args.first, 1, MAX_ITEMS)
        return (
          loadForBatch(hint, `targets ${first}`, (all) => {
            const targets = webhooks.log.targetsOf(
              all.map(({ id }) => id),
              first,
            )
            return groupBy(batch(targets), ({ hintId }) => hintId)
          }).get(hint.id) ?? []
        )
      },
    }),
  }),
})

const WebhookDeliveryType = builder.objectRef<LoggedDelivery>('WebhookDelivery')
WebhookDeliveryType.implement({
  description: 'A request to a webhook, with its outcome. The body and headers are not stored.',
  fields: (t) => ({
    receivedAt: t.expose('receivedAt', {
      type: 'DateTime',
      description: 'Time at which the delivery was received.',
    }),
    senderId: t.exposeString('senderId', {
      nullable: true,
      description: 'ID of the delivery at its sender, the same for repeated deliveries; null if it has none.',
    }),
    outcome: t.field({
      type: WebhookDeliveryOutcomeEnum,
      description: 'Outcome of the delivery.',
      resolve: ({ outcome }) => outcome,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Human-readable reason why the delivery has no effect; null if it was accepted.',
    }),
    note: t.exposeString('note', {
      nullable: true,
      description:
        'Summary of the delivery in one line, for example `push of team/app:v1`; null if it could not be parsed.',
    }),
    isTest: t.boolean({
      description: 'Whether `testWebhook` created the delivery.',
      resolve: ({ isTest }) => isTest === 1,
    }),
    source: t.exposeString('source', {
      description: 'IP address of the sender, for IPv6 its network; `testWebhook` for a test.',
    }),
    hints: t.field({
      type: [WebhookHintType],
      description:
        'Changes that the delivery reports, within the scope of the webhook; at most 500 are stored.',
      args: firstArg,
      complexity,
      resolve: (delivery, args, { webhooks }) => {
        const first = checkRange('first', args.first, 1, MAX_ITEMS)
        return (
          loadForBatch(delivery, `hints ${first}`, (all) => {
            const hints = webhooks.log.hintsOf(
              all.map(({ id }) => id),
              first,
            )
            return groupBy(batch(hints), ({ deliveryId }) => deliveryId)
          }).get(delivery.id) ?? []
        )
      },
    }),
  }),
})

export const WebhookDeliveryConnection = connectionType('WebhookDelivery', WebhookDeliveryType, {
  items: 'deliveries',
})
export const deliveryCursors = keyCursors<LoggedDelivery>('deliveries', ({ id }) => [id])
