import type { LoggedDelivery, LoggedHint, LoggedTarget } from '../../receivers/delivery-history.ts'
import { loadReferred, loadRows } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import { firstArg } from '../kit/inputs.ts'
import { ImageStreamType, ImportType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'

export const ReceiverDeliveryOutcomeEnum = enumType('ReceiverDeliveryOutcome', {
  description: 'Outcome of a delivery.',
  values: {
    ACCEPTED: 'The delivery is authentic and reports a possible change.',
    DUPLICATE: 'The delivery was received before.',
    IGNORED:
      'The delivery is authentic and reports no change within the scope of the receiver: for example a ping, a pull or another repository.',
    REFUSED: 'The delivery is not authentic.',
    FAILED: 'The delivery is authentic but could not be parsed.',
  },
})

export const ReceiverActionEnum = enumType('ReceiverAction', {
  description: 'Action that a delivery reports.',
  values: {
    push: 'A push of an image or tag.',
    delete: 'A deletion. The registry is requested; no history is deleted.',
  },
})

const ReceiverTargetStateEnum = enumType('ReceiverTargetState', {
  description: 'State of a tag that a hint applies to.',
  values: {
    OPEN: 'The tag waits for the running import of the image stream to finish, or for `retryAt`.',
    ASKED: 'The registry was requested; `import` contains the result.',
    KNOWN: 'No request was necessary: the tag already points to the reported image.',
  },
})

const ReceiverTargetType = objectType<LoggedTarget>('ReceiverTarget', {
  description: 'A tag of an image stream that a hint applies to.',
  properties: (t) => ({
    state: t.one(ReceiverTargetStateEnum, 'State of the tag.'),
  }),
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
        loadReferred(target, 'import', 'importId', (ids) => importer.byIds(ids)),
    }),
  }),
})

// targets of one hint, or hints of one delivery: a hint may concern each stream of a namespace
const { args, complexity, check } = firstArg('items', { min: 1, max: 500 })

const ReceiverHintType = objectType<LoggedHint>('ReceiverHint', {
  description: 'A change that a delivery reports.',
  properties: (t) => ({
    action: t.one(ReceiverActionEnum, 'Reported action.'),
    registry: t.string('Registry of the change, which is the receiver’s registry.'),
    repository: t.string('Repository of the change.'),
    tag: t.stringOrNull('Tag that changed; null if any tag of the repository may have changed.'),
    digest: t.digestOrNull(
      'Digest that the tag points to, as reported; null if the delivery contains none. The digest is not trusted.',
    ),
    handledAt: t.dateTimeOrNull('Time at which the affected image streams were determined; null until then.'),
  }),
  fields: (t) => ({
    targets: t.field({
      type: [ReceiverTargetType],
      description:
        'Tags that the hint applies to; empty if no image stream of the namespace imports from the repository.',
      args,
      complexity,
      resolve: (hint, { first }, { receivers: { log } }) => {
        check(first)
        return loadRows(hint, `targets ${first}`, 'hintId', (ids) => log.targetsOf(ids, first))
      },
    }),
  }),
})

const ReceiverDeliveryType = builder.objectRef<LoggedDelivery>('ReceiverDelivery')
objectType(ReceiverDeliveryType, {
  description: 'A request to a receiver, with its outcome. The body and headers are not stored.',
  properties: (t) => ({
    receivedAt: t.dateTime('Time at which the delivery was received.'),
    senderId: t.stringOrNull(
      'ID of the delivery at its sender, the same for repeated deliveries; null if it has none.',
    ),
    outcome: t.one(ReceiverDeliveryOutcomeEnum, 'Outcome of the delivery.'),
    note: t.stringOrNull(
      'Summary of the delivery in one line, for example `push of team/app:v1`; null if it could not be parsed.',
    ),
    source: t.string('IP address of the sender, for IPv6 its network; `testReceiver` for a test.'),
  }),
  fields: (t) => ({
    message: t.exposeString('reason', {
      nullable: true,
      description: 'Explanation for people why the delivery has no effect; null if it was accepted.',
    }),
    isTest: t.boolean({
      description: 'Whether `testReceiver` created the delivery.',
      resolve: ({ isTest }) => isTest === 1,
    }),
    hints: t.field({
      type: [ReceiverHintType],
      description:
        'Changes that the delivery reports, within the scope of the receiver; at most 500 are stored.',
      args,
      complexity,
      resolve: (delivery, { first }, { receivers: { log } }) => {
        check(first)
        return loadRows(delivery, `hints ${first}`, 'deliveryId', (ids) => log.hintsOf(ids, first))
      },
    }),
  }),
})

export const ReceiverDeliveryConnection = connectionType('ReceiverDelivery', ReceiverDeliveryType, {
  items: 'deliveries',
})
export const deliveryCursors = keyCursors<LoggedDelivery>('deliveries', ({ id }) => [id])
