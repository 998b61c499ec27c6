import { builder } from '../kit/builder.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

const DESCRIPTION =
  'Public keys `whpk_…` with which receivers verify the signature `v1a` of requests of triggers, the newest first, at most two. `/.well-known/imagestreams/webhook-keys` has the same.'

builder.queryField('webhookKeys', (t) =>
  t.stringList({
    description: `Returns the public keys of this server. ${DESCRIPTION}`,
    access: 'anyone',
    example: `
      # How a receiver verifies requests that are signed with a key pair.
      query WebhookKeys {
        webhookKeys
      }
    `,
    resolve: (_query, _args, { triggers }) => triggers.keyPairs.publicKeys(),
  }),
)

const RotateWebhookKeyInput = inputType('RotateWebhookKeyInput', {
  description: 'The rotation of the key pair that signs requests of triggers.',
  fields: (t) => ({
    dropOld: t.flag(
      'Whether the pair before it stops to sign at once, for example after a leak; the default is false.',
    ),
  }),
})

mutation('rotateWebhookKey', {
  description:
    'Makes a new key pair that signs requests of triggers. Requests carry a signature of the pair before it too, so that receivers can take the new public key whenever they are ready; older pairs are deleted.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation RotateWebhookKey {
      rotateWebhookKey(input: {}) { webhookKeys }
    }
  `,
  input: RotateWebhookKeyInput,
  inputDescription: 'The rotation.',
  payload: objectType<{ webhookKeys: readonly string[] }>('RotateWebhookKeyPayload', {
    description: 'The public keys after the rotation.',
    properties: (t) => ({ webhookKeys: t.strings(DESCRIPTION) }),
  }),
  resolve: ({ dropOld }, { viewer, triggers }) => ({
    webhookKeys: triggers.keyPairs.rotate(viewer, dropOld),
  }),
})
