import type { PageKey } from '../../input/page.ts'
import type { HintTarget } from '../../receivers/hint-targets.ts'
import type { ReceiverTest } from '../../receivers/test-receiver.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { checkWait, inputType, mutation } from '../kit/inputs.ts'
import { listConnection } from '../kit/list-page.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { receiverIdOf } from './receiver-mutations.ts'
import { targetStream, targetTag } from './receiver-target.ts'
import { ReceiverDeliveryType, ReceiverType } from './references.ts'

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
    waitSeconds: t.waitSeconds('imports that `follow` starts'),
  }),
})

/** A tag that a test delivery concerns, and its place in their list. */
interface ListedTarget extends HintTarget {
  readonly at: number
}

const ReceiverTestTargetType = builder.objectRef<ListedTarget>('ReceiverTestTarget')
objectType(ReceiverTestTargetType, {
  description: 'A tag of an image stream that a delivery would import.',
  fields: (t) => ({
    imageStream: t.field(targetStream),
    tag: t.string(targetTag),
  }),
})

const ReceiverTestTargetConnection = connectionType('ReceiverTestTarget', ReceiverTestTargetType, {
  items: 'tags that a delivery would import',
})
const keyOf = ({ at }: ListedTarget): PageKey => [at]
const testTargetCursors = keyCursors('test targets', keyOf)

const TestReceiverPayload = objectType<ReceiverTest>('TestReceiverPayload', {
  description: 'Result of a test delivery, and the effect that a real delivery would have.',
  properties: (t) => ({
    receiver: t.one(ReceiverType, 'The receiver.'),
    delivery: t.one(
      ReceiverDeliveryType,
      'The test delivery in the log, with its outcome and its hints. For senders with authenticity `JWT`, a test skips the signature check. With `follow`, the targets of the hints have the results of the imports.',
    ),
  }),
  fields: (t) => ({
    targets: t.field({
      type: ReceiverTestTargetConnection,
      description:
        'Tags that a real delivery would import; empty if no image stream of the namespace imports from the repository.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: ({ targets }, args, _context, info) =>
        listConnection(args, info, {
          cursors: testTargetCursors,
          keyOf,
          items: batch(targets.map((target, at) => ({ ...target, at }))),
        }),
    }),
  }),
})

mutation('testReceiver', {
  description:
    'Processes a delivery as the sender would send it, signed with the newest secret, and returns its outcome. The delivery log contains it as a test. `NOT_FOUND` if the receiver does not exist.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # What a push of the tag would start.
    mutation TestReceiver($receiver: ID!) {
      testReceiver(input: { id: $receiver, repository: "library/ruby", tag: "latest" }) { delivery { outcome message } targets(first: 10) { nodes { tag imageStream { name } } } }
    }
  `,
  input: TestReceiverInput,
  inputDescription: 'The receiver and the contents of the test delivery.',
  payload: TestReceiverPayload,
  resolve: ({ id, waitSeconds, ...input }, { viewer, receivers }) =>
    receivers.test(viewer, { ...input, id: receiverIdOf(id), waitSeconds: checkWait(waitSeconds) }),
})
