import type { HintTarget } from '../../receivers/hint-targets.ts'
import type { ScopedHint } from '../../receivers/scope.ts'
import type { ReceiverTest } from '../../receivers/test-receiver.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { ImageStreamType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { objectType } from '../kit/types.ts'
import { ReceiverType } from './receiver.ts'
import { ReceiverActionEnum, ReceiverDeliveryOutcomeEnum } from './receiver-delivery.ts'
import { receiverIdOf } from './receiver-mutations.ts'

const TestReceiverInput = inputType('TestReceiverInput', {
  description: 'A test of a receiver.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the receiver.'),
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

const ReceiverTestHintType = objectType<ScopedHint>('ReceiverTestHint', {
  description: 'A change that the test delivery reports.',
  properties: (t) => ({
    action: t.one(ReceiverActionEnum, 'Reported action.'),
    registry: t.string('Registry of the change.'),
    repository: t.string('Repository of the change.'),
    tag: t.stringOrNull('Tag that changed; null if any tag of the repository may have changed.'),
  }),
})

const ReceiverTestTargetType = builder.objectRef<HintTarget>('ReceiverTestTarget').implement({
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

const TestReceiverPayload = objectType<ReceiverTest>('TestReceiverPayload', {
  description: 'Result of a test delivery, and the effect that a real delivery would have.',
  properties: (t) => ({
    receiver: t.one(ReceiverType, 'The receiver.'),
    outcome: t.one(ReceiverDeliveryOutcomeEnum, 'Outcome of the delivery.'),
    note: t.stringOrNull('Summary of the delivery as in the delivery log; null if it could not be parsed.'),
    hints: t.list(
      ReceiverTestHintType,
      'Changes that the delivery reports, within the scope of the receiver.',
    ),
  }),
  fields: (t) => ({
    message: t.exposeString('reason', {
      nullable: true,
      description:
        'Explanation for people why the delivery has no effect; null if it was accepted. For senders with authenticity `JWT`, a test skips the signature check.',
    }),
    targets: t.field({
      type: [ReceiverTestTargetType],
      description:
        'Tags that would be imported; empty if no image stream of the namespace imports from the repository.',
      resolve: ({ targets }) => batch(targets),
    }),
  }),
})

mutation('testReceiver', {
  description:
    'Processes a delivery as the sender would send it, signed with the newest secret, and returns its outcome. The delivery log contains it as a test. `NOT_FOUND` if the receiver does not exist.',
  input: TestReceiverInput,
  inputDescription: 'The receiver and the contents of the test delivery.',
  payload: TestReceiverPayload,
  resolve: (input, { receivers }) => receivers.test({ ...input, id: receiverIdOf(input.id) }),
})
