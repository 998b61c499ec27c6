import type { DryRun } from '../../triggers/run/dry-run.ts'
import { mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { tagOfTrigger } from './fire-trigger.ts'
import { DeliveryRequestType } from './trigger-delivery.ts'
import { TestTriggerInput } from './trigger-inputs.ts'
import { triggerIdOf } from './trigger-mutations.ts'

mutation('testTrigger', {
  description:
    'Returns what a trigger would send for the image that a tag has now, without sending it. With `contact` the server sends a HEAD request for `/` without secrets to the receiver’s host, or reads the object in its cluster, to find out whether it responds. `NOT_FOUND` if the tag has no image.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.remote,
  example: `
    # What would be sent, and whether the receiver responds at all.
    mutation TestTrigger($trigger: ID!) {
      testTrigger(input: { id: $trigger, imageStream: "ruby", tag: "latest" }) {
        request { method url headers body }
        plan
        isReachable
        message
      }
    }
  `,
  input: TestTriggerInput,
  inputDescription: 'The trigger and the tag.',
  payload: objectType<DryRun>('TestTriggerPayload', {
    description: 'What would be sent.',
    properties: (t) => ({
      request: t.oneOrNull(
        DeliveryRequestType,
        'The request, with `•••` in place of secrets; null for an action that is no request.',
      ),
      plan: t.stringOrNull(
        'What this server would do itself: set an image, start a build, copy an image; null for an action that is a request.',
      ),
      isReachable: t.booleanOrNull(
        'Whether the receiver’s host, or the API server of the cluster, responds; null if it was not contacted.',
      ),
      message: t.stringOrNull(
        'Why the host does not respond, or what prevents the action in the cluster, with what to do; null for nothing.',
      ),
    }),
  }),
  resolve(input, { viewer, triggers, work }) {
    const trigger = triggers.definitions.find(viewer, triggerIdOf(input.id))
    return triggers.dryRun(viewer, { ...tagOfTrigger(trigger, input), contact: input.contact }, work.signal)
  },
})
