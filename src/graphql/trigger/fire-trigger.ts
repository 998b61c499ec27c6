import { invalid } from '../../input/errors.ts'
import { isGlob } from '../../input/glob.ts'
import { checkTagName } from '../../input/names.ts'
import { nameWithin, streamOrTagNamed } from '../../input/qualified-name.ts'
import type { Trigger } from '../../triggers/definition/trigger.ts'
import type { StoredTarget } from '../../triggers/state/target.ts'
import { batch } from '../kit/batch.ts'
import { mutation } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { TriggerTargetType } from './references.ts'
import { FireTriggerInput, RetryDeliveriesInput } from './trigger-inputs.ts'
import { triggerIdOf } from './trigger-mutations.ts'

/** Returns the name, or the pattern where it is the only name that matches it. Throws InvalidInputError. */
function nameOr(name: string | null | undefined, pattern: string, field: string): string {
  if (name != null) return name
  if (!isGlob(pattern)) return pattern
  throw invalid(field, `is needed: the source of the trigger is the pattern ${pattern}`)
}

/** Returns the tag that an input names, or the only one that the trigger reacts to. Throws InvalidInputError. */
export function tagOfTrigger(
  { id, namespace, streams, tags }: Trigger,
  { imageStream, tag: given }: Pick<typeof FireTriggerInput.$inferInput, 'imageStream' | 'tag'>,
) {
  const name = nameWithin(namespace, nameOr(imageStream, streams, 'imageStream'), 'imageStream')
  const { name: stream, tag } = streamOrTagNamed({ name, namespace, tag: given }, 'imageStream')
  return { id, imageStream: stream, tag: checkTagName(tag ?? nameOr(null, tags, 'tag'), 'tag') }
}

mutation('fireTrigger', {
  description:
    'Lets a trigger act for the image that a tag has now, under a new `webhookId`, whether or not it has acted for it. `CONFLICT` while a delivery for the tag is attempted; `NOT_FOUND` if the tag has no image.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation FireTrigger($trigger: ID!) {
      fireTrigger(input: { id: $trigger, imageStream: "ruby", tag: "latest" }) { triggerTarget { state } }
    }
  `,
  input: FireTriggerInput,
  inputDescription: 'The trigger and the tag.',
  payload: objectType<{ triggerTarget: StoredTarget }>('FireTriggerPayload', {
    description: 'What the trigger has to do for the tag.',
    properties: (t) => ({
      triggerTarget: t.one(TriggerTargetType, 'The tag, with the delivery that is planned.'),
    }),
  }),
  resolve(input, { viewer, triggers }) {
    const trigger = triggers.definitions.find(viewer, triggerIdOf(input.id))
    return { triggerTarget: triggers.fire(viewer, tagOfTrigger(trigger, input)) }
  },
})

mutation('retryDeliveries', {
  description:
    'Attempts deliveries again that failed, for good or until their next attempt: once for each tag, with its newest image, at once, and then as usual. `CONFLICT` for a delivery that is not the newest of its tag.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # All that a trigger could not deliver.
    mutation RetryDeliveries($trigger: ID!) {
      retryDeliveries(input: { trigger: $trigger }) { triggerTargets { tagName state } }
    }
  `,
  input: RetryDeliveriesInput,
  inputDescription: 'The deliveries.',
  payload: objectType<{ triggerTargets: readonly StoredTarget[] }>('RetryDeliveriesPayload', {
    description: 'What is attempted again.',
    properties: (t) => ({
      triggerTargets: t.list(
        TriggerTargetType,
        'The tags whose newest image is delivered now; at most 1,000.',
      ),
    }),
  }),
  resolve({ delivery, trigger, since }, { viewer, triggers }) {
    if ((delivery == null) === (trigger == null)) {
      throw invalid('delivery', 'or trigger must be given, and not both')
    }
    if (delivery != null) {
      return { triggerTargets: [triggers.retryOne(viewer, rowIdOf('TriggerDelivery', delivery) ?? 0)] }
    }
    return { triggerTargets: batch(triggers.retrySince(viewer, triggerIdOf(trigger ?? ''), since ?? 0)) }
  },
})
