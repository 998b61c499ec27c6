import { groupBy } from '../../input/group-by.ts'
import type { LoggedDelivery, LoggedHint, LoggedTarget } from '../../webhooks/delivery-history.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { checkRange } from '../kit/checks.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import { ImageStreamType, ImportType } from '../kit/object-types.ts'
import { streamOf } from '../kit/stream-of.ts'

export const WebhookDeliveryOutcomeEnum = builder.enumType('WebhookDeliveryOutcome', {
  description: 'What came of a delivery.',
  values: {
    ACCEPTED: { description: 'It told of something that may have changed.' },
    DUPLICATE: { description: 'It came before.' },
    IGNORED: {
      description:
        'It was believed and told of nothing for this webhook: a ping, a pull, another repository.',
    },
    REFUSED: { description: 'It was not believed.' },
    FAILED: { description: 'It was believed and could not be read.' },
  } as const,
})

export const WebhookActionEnum = builder.enumType('WebhookAction', {
  description: 'What is said to have happened.',
  values: {
    PUSH: {
      value: 'push',
      description: 'Something was pushed.',
    },
    DELETE: {
      value: 'delete',
      description: 'Something was deleted: the registry is asked, and no history is deleted for it.',
    },
  } as const,
})

const WebhookTargetStateEnum = builder.enumType('WebhookTargetState', {
  description: 'How far it is with a tag that a hint concerns.',
  values: {
    OPEN: {
      description: 'It waits: until the stream’s import before it has ended, or for `retryAt`.',
    },
    ASKED: { description: 'The registry was asked: `import` says what came of it.' },
    KNOWN: { description: 'There was nothing to ask: the tag meant just that already.' },
  } as const,
})

const WebhookTargetType = builder.objectRef<LoggedTarget>('WebhookTarget').implement({
  description: 'A tag of a stream that a hint concerns.',
  fields: (t) => ({
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The stream; null once it is deleted.',
      resolve: (target, _args, context) => streamOf(target, context),
    }),
    tag: t.string({
      nullable: true,
      description: 'The tag; null for all tags of the stream’s repository.',
      resolve: ({ tag }) => tag || null,
    }),
    state: t.field({
      type: WebhookTargetStateEnum,
      description: 'How far it is.',
      resolve: ({ state }) => state,
    }),
    retryAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the registry is asked again, because it gave no answer, or not yet what was told; null where it is not.',
      resolve: ({ state, retryAt }) => (state === 'OPEN' ? retryAt : null),
    }),
    import: t.field({
      type: ImportType,
      nullable: true,
      description:
        'The import that last asked the registry, together with what else was told of the stream; null while there is none, and when it is forgotten: the last 50 of a stream are kept.',
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
    description: `How many at most: 1 to ${MAX_ITEMS}.`,
  }),
}))
const complexity = ({ first }: { first: number }) => ({
  field: 1,
  multiplier: Math.min(Math.max(first, 1), MAX_ITEMS),
})

const WebhookHintType = builder.objectRef<LoggedHint>('WebhookHint').implement({
  description: 'Something that a delivery says has changed.',
  fields: (t) => ({
    action: t.field({
      type: WebhookActionEnum,
      description: 'What is said to have happened.',
      resolve: ({ action }) => action,
    }),
    registry: t.exposeString('registry', { description: 'The registry: the webhook’s.' }),
    repository: t.exposeString('repository', { description: 'The repository.' }),
    tag: t.exposeString('tag', {
      nullable: true,
      description: 'The tag; null where none was named: any of the repository’s may have changed.',
    }),
    digest: t.field({
      type: 'Digest',
      nullable: true,
      description: 'What the tag is said to mean; null where that was not said. Nobody believes it.',
      resolve: ({ digest }) => digest,
    }),
    handledAt: t.expose('handledAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was worked out which streams it concerns; null while that is to come.',
    }),
    targets: t.field({
      type: [WebhookTargetType],
      description:
        'The tags that it concerns; none where no stream of the namespace takes images from there.',
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
  description: 'One request to a webhook, and what came of it. Its body and headers are not kept.',
  fields: (t) => ({
    receivedAt: t.expose('receivedAt', { type: 'DateTime', description: 'When it came.' }),
    senderId: t.exposeString('senderId', {
      nullable: true,
      description: 'The sender’s own name of it, the same when it is sent again; null where it has none.',
    }),
    outcome: t.field({
      type: WebhookDeliveryOutcomeEnum,
      description: 'What came of it.',
      resolve: ({ outcome }) => outcome,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it led to nothing, for a person; null when it was accepted.',
    }),
    note: t.exposeString('note', {
      nullable: true,
      description: 'What it told, in one line: `push of team/app:v1`; null when it could not be read.',
    }),
    isTest: t.boolean({
      description: 'Whether `testWebhook` made it.',
      resolve: ({ isTest }) => isTest === 1,
    }),
    source: t.exposeString('source', {
      description: 'The address that it came from, of IPv6 its network; `testWebhook` for a test.',
    }),
    hints: t.field({
      type: [WebhookHintType],
      description: 'What it says has changed, as far as this webhook may tell: 500 are kept.',
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
