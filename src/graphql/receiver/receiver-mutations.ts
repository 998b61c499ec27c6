import type { Receiver } from '../../receivers/receiver.ts'
import type { IssuedReceiver } from '../../receivers/receivers.ts'
import { urlWithSecret } from '../../vendors/delivery/scheme.ts'
import { mutation } from '../kit/inputs.ts'
import { nodeId, rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { stepsOf, urlOf } from './receiver.ts'
import {
  CreateReceiverInput,
  DeleteReceiverInput,
  RotateReceiverSecretInput,
  UpdateReceiverInput,
} from './receiver-inputs.ts'
import { ReceiverType } from './references.ts'

/** Defines the payload of a mutation that creates a secret. */
const issuedPayload = (name: string, description: string) =>
  objectType<IssuedReceiver>(name, {
    description: `${description} Only this response contains the secret.`,
    properties: (t) => ({
      receiver: t.one(ReceiverType, 'The receiver.'),
      secret: t.stringOrNull(
        'Secret for the sender; null if the sender’s platform signs with keys of its own.',
      ),
    }),
    fields: (t) => ({
      url: t.string({
        description: 'URL for the sender. It contains the secret if the sender’s authenticity is `URL`.',
        resolve: ({ receiver, secret }, args, context) => {
          const url = urlOf(receiver, args, context)
          const { authenticity } = context.receivers.senders[receiver.sender]
          return authenticity === 'URL' && secret !== null ? urlWithSecret({ url, secret }) : url
        },
      }),
      setUp: t.stringList({
        description:
          'Instructions for the sender, one for each step, at most 10, with the URL and the secret filled in.',
        resolve: ({ receiver, secret }, _args, context) => stepsOf(receiver, secret ?? '', context),
      }),
    }),
  })
const CreateReceiverPayload = issuedPayload('CreateReceiverPayload', 'The new receiver with its secret.')
const RotateReceiverSecretPayload = issuedPayload(
  'RotateReceiverSecretPayload',
  'The receiver with its new secret.',
)

const UpdateReceiverPayload = objectType<{ receiver: Receiver }>('UpdateReceiverPayload', {
  description: 'The changed receiver.',
  properties: (t) => ({ receiver: t.one(ReceiverType, 'The receiver.') }),
})

const DeleteReceiverPayload = objectType<{ deletedId: string; receiver: Receiver }>('DeleteReceiverPayload', {
  description: 'The deleted receiver.',
  properties: (t) => ({
    receiver: t.one(
      ReceiverType,
      'The receiver in its state before the deletion, without its secrets and its delivery log.',
    ),
  }),
  fields: (t) => ({
    deletedId: t.id({
      description: 'Global `id` of the deleted receiver, which `node(id:)` no longer finds.',
      resolve: ({ deletedId }) => deletedId,
    }),
  }),
})

/** Returns the row number in a receiver's `id`: 0, which no receiver has, for the `id` of another object. */
export const receiverIdOf = (id: string): number => rowIdOf('Receiver', id) ?? 0

mutation('createReceiver', {
  description:
    'Creates a receiver, and returns the URL and the secret for the sender with instructions. `INVALID` if the sender, registry and settings do not fit together.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # An address to which Docker Hub reports pushes; setUp says where to enter it.
    mutation CreateReceiver {
      createReceiver(input: { sender: DOCKER_HUB, repositories: ["library/ruby"] }) {
        receiver { id sender }
        url
        setUp
      }
    }
  `,
  input: CreateReceiverInput,
  inputDescription: 'The receiver.',
  payload: CreateReceiverPayload,
  resolve: (input, { viewer, receivers }) => receivers.store.create(viewer, input),
})

mutation('rotateReceiverSecret', {
  description:
    'Replaces the secret of a receiver. The previous secret is accepted for `keepOldMinutes`, so that no delivery is lost until the sender has the new one; older secrets are no longer accepted. `NOT_FOUND` if the receiver does not exist.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # A new secret. For an hour the old one is accepted too.
    mutation RotateReceiverSecret($receiver: ID!) {
      rotateReceiverSecret(input: { id: $receiver, keepOldMinutes: 60 }) { url secret receiver { id } }
    }
  `,
  input: RotateReceiverSecretInput,
  inputDescription: 'The receiver.',
  payload: RotateReceiverSecretPayload,
  resolve: ({ id, keepOldMinutes }, { viewer, receivers }) =>
    receivers.store.rotate(viewer, receiverIdOf(id), keepOldMinutes ?? null),
})

mutation('updateReceiver', {
  description:
    'Changes the scope of a receiver, disables or enables it, or stops accepting its old secret. `NOT_FOUND` if the receiver does not exist.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation UpdateReceiver($receiver: ID!) {
      updateReceiver(input: { id: $receiver, enabled: false }) { receiver { id enabled } }
    }
  `,
  input: UpdateReceiverInput,
  inputDescription: 'The changes.',
  payload: UpdateReceiverPayload,
  resolve: (input, { viewer, receivers }) => ({
    receiver: receivers.store.update(viewer, { ...input, id: receiverIdOf(input.id) }),
  }),
})

mutation('deleteReceiver', {
  description:
    'Deletes a receiver with its delivery log. Its URL is never assigned to another receiver. `NOT_FOUND` if the receiver does not exist.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation DeleteReceiver($receiver: ID!) {
      deleteReceiver(input: { id: $receiver }) { receiver { id } }
    }
  `,
  input: DeleteReceiverInput,
  inputDescription: 'The receiver.',
  payload: DeleteReceiverPayload,
  resolve: ({ id }, { viewer, receivers }) => {
    const receiver = receivers.store.delete(viewer, receiverIdOf(id))
    return { deletedId: nodeId('Receiver', receiver.id), receiver }
  },
})
