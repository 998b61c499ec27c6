import type { StoredTarget } from '../../triggers/state/target.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { TriggerTargetType } from './references.ts'

const ApproveDeliveryInput = inputType('ApproveDeliveryInput', {
  description: 'The approval of an image.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the `TriggerTarget` whose delivery waits.'),
    digest: t.field({
      type: 'Digest',
      required: true,
      description: 'Digest of the image that was shown: `image.digest` of the target.',
    }),
  }),
})

mutation('approveDelivery', {
  description:
    'Approves the delivery that waits at a target, for exactly the image that was shown. `CONFLICT` names the new digest if the tag has moved meanwhile, and is returned if nothing waits for approval. With sign-in, a person must approve: an access token is refused.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation ApproveDelivery($target: ID!, $digest: Digest!) {
      approveDelivery(input: { id: $target, digest: $digest }) { triggerTarget { state approvedBy approvedAt } }
    }
  `,
  input: ApproveDeliveryInput,
  inputDescription: 'The target and the image.',
  payload: objectType<{ triggerTarget: StoredTarget }>('ApproveDeliveryPayload', {
    description: 'What the trigger has to do for the tag.',
    properties: (t) => ({
      triggerTarget: t.one(TriggerTargetType, 'The target with its approval.'),
    }),
  }),
  resolve: ({ id, digest }, { viewer, triggers }) => ({
    triggerTarget: triggers.approve(viewer, { id: rowIdOf('TriggerTarget', id) ?? 0, digest }),
  }),
})
