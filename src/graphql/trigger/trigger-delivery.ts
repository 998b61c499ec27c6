import type { ShownRequest } from '../../triggers/content/shown-request.ts'
import type { DeliveryAttempt, TriggerDelivery } from '../../triggers/state/delivery-rows.ts'
import { loadPaid, loadReferred, loadRows } from '../kit/batch.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImageStreamTagType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { TriggerDeliveryType, TriggerType } from './references.ts'
import { tagOf } from './trigger-target.ts'

const triggerOf = (delivery: TriggerDelivery, { triggers }: Pick<GraphQLContext, 'triggers'>) =>
  loadReferred(delivery, 'trigger', 'triggerId', (ids) => triggers.definitions.byIds(ids))

registerRowNode('TriggerDelivery', {
  load: (id, { triggers }) => triggers.deliveries.byIds([id]).get(id),
  access: { right: 'configure', namespaceOf: (delivery, context) => triggerOf(delivery, context)?.namespace },
})

const TriggerDeliveryStateEnum = enumType('TriggerDeliveryState', {
  description: 'State of a delivery.',
  values: {
    RUNNING: 'An attempt has begun.',
    RETRYING: 'The last attempt failed, and another one is planned.',
    DELIVERED: 'The receiver accepted the delivery.',
    SUPERSEDED:
      'The tag moved before the receiver accepted the delivery: that of the newer image takes its place.',
    DEAD: 'The delivery failed and is not attempted again, unless a person retries it.',
  },
})

export const DeliveryRequestType = objectType<ShownRequest>('DeliveryRequest', {
  description: 'A request to a receiver, with `•••` in place of secrets and signatures.',
  properties: (t) => ({
    method: t.string('Method, for example `POST`.'),
    url: t.string('URL of the request.'),
    body: t.string('Body of the request; of one that was sent, its first 8,000 characters.'),
  }),
  fields: (t) => ({
    isBodyShortened: t.boolean({
      description: 'Whether the body is longer than what is shown.',
      resolve: ({ isBodyShortened = false }) => isBodyShortened,
    }),
    headers: t.stringList({
      description: 'Headers, each as `name: value`, at most 40.',
      resolve: ({ headers }) => Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    }),
  }),
})

const DeliveryAttemptType = objectType<DeliveryAttempt>('DeliveryAttempt', {
  description: 'An attempt of a delivery.',
  properties: (t) => ({
    message: t.stringOrNull('Explanation for people why the attempt failed; null if it did not.'),
  }),
  fields: (t) => ({
    response: t.string({
      description: 'The first 4,000 characters of the response; empty without one.',
      resolve: (attempt, _args, { triggers, work }) =>
        loadPaid(work, attempt, { name: 'response', ...triggers.reads.responses }) ?? '',
    }),
    httpStatus: t.exposeInt('status', {
      nullable: true,
      description: 'Status of the response; null without a response.',
    }),
    durationSeconds: t.float({
      description: 'Seconds that the attempt took, in steps of a millisecond.',
      resolve: ({ milliseconds }) => milliseconds / 1000,
    }),
    startedAt: t.expose('at', { type: 'DateTime', description: 'Time at which the attempt began.' }),
  }),
})

objectType(TriggerDeliveryType, {
  description: 'What a trigger sent for one move of a tag, in one attempt or several.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    digest: t.digest('Digest of the image that the tag got by the move.'),
    webhookId: t.string(
      'Id that the receiver gets in `webhook-id`, the same at each attempt, so that it can recognize a repetition.',
    ),
    state: t.one(TriggerDeliveryStateEnum, 'State of the delivery.'),
    startedAt: t.dateTime('Time of the first attempt.'),
    endedAt: t.dateTimeOrNull('Time at which the delivery ended; null while it is attempted.'),
    message: t.stringOrNull('Explanation for people why the last attempt failed; null if it did not.'),
    link: t.stringOrNull('Address at which people see the work that began; null if the receiver gave none.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the delivery.',
      resolve: ({ id }) => nodeId('TriggerDelivery', id),
    }),
    imageStreamName: t.exposeString('imageStreamName', {
      description: 'Name of the image stream, in the namespace of the trigger.',
    }),
    tagName: t.exposeString('tag', { description: 'Name of the tag.' }),
    isManual: t.boolean({
      description: 'Whether a person fired the trigger, and not a move.',
      resolve: ({ byHand }) => byHand > 0,
    }),
    attemptCount: t.exposeInt('attempts', { description: 'Number of attempts that have ended.' }),
    trigger: t.field({
      type: TriggerType,
      nullable: true,
      description: 'The trigger; null if it was deleted in the meantime.',
      resolve: (delivery, _args, context) => triggerOf(delivery, context),
    }),
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'The tag; null if it was removed.',
      resolve(delivery, _args, context) {
        const tag = tagOf(delivery, context)
        return tag && tag.removedAt === null ? tag : null
      },
    }),
    causes: t.field({
      type: [TriggerDeliveryType],
      description:
        'Deliveries that led to the move, the earliest first; at most seven. A build names the delivery that started it by the annotation or label `io.imagestreams.cause` of its image, with the `webhookId`; a rebuild on another base image is recognized without it.',
      resolve: (delivery, _args, context) =>
        context.triggers.causesOf(delivery).filter((cause) => {
          const trigger = triggerOf(cause, context)
          return trigger && context.viewer.rights.mayInNamespace('configure', trigger.namespace)
        }),
    }),
    request: t.field({
      type: DeliveryRequestType,
      nullable: true,
      description:
        'The request as it was last sent; null before the first attempt has ended, and for an action that is no request.',
      resolve(delivery, _args, { triggers, work }) {
        const text = loadPaid(work, delivery, { name: 'request', ...triggers.reads.requests })
        // written by this server
        return text === undefined ? null : (JSON.parse(text) as ShownRequest)
      },
    }),
    attempts: t.field({
      type: [DeliveryAttemptType],
      description: 'Attempts that have ended, oldest first; at most the last 20.',
      resolve: (delivery, _args, { triggers }) =>
        loadRows(delivery, 'attempts', 'deliveryId', (ids) => triggers.reads.attemptsOf(ids)),
    }),
  }),
})

export const TriggerDeliveryConnection = connectionType('TriggerDelivery', TriggerDeliveryType, {
  items: 'deliveries',
})
export const deliveryCursors = keyCursors<TriggerDelivery>('deliveries', ({ id }) => [id])
