import { nameWithin, patternNamed, tagPatternsNamed } from '../../input/qualified-name.ts'
import type { IssuedTrigger } from '../../triggers/definition/definitions.ts'
import type { Trigger } from '../../triggers/definition/trigger.ts'
import { mutation } from '../kit/inputs.ts'
import { nodeId, rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { actionOf } from './action-input.ts'
import { TriggerType } from './references.ts'
import {
  CreateTriggerInput,
  DeleteTriggerInput,
  PauseTriggerInput,
  ResumeTriggerInput,
  RotateTriggerSecretInput,
  UpdateTriggerInput,
} from './trigger-inputs.ts'

/** Returns the row number in a trigger's `id`: 0, which no trigger has, for the `id` of another object. */
export const triggerIdOf = (id: string): number => rowIdOf('Trigger', id) ?? 0

/** Returns the source that a change names, in the namespace of the trigger. Throws InvalidInputError. */
function sourceWithin({ namespace }: Trigger, imageStreams: string, tag: string | null | undefined) {
  const name = nameWithin(namespace, imageStreams, 'imageStreams')
  const { stream, tag: tags } = patternNamed({ name, namespace, tag }, 'imageStreams')
  return { streams: stream ?? '*', ...(tags !== undefined && { tags }) }
}

const issuedPayload = (name: string, description: string) =>
  objectType<IssuedTrigger>(name, {
    description: `${description} Only this response contains the secret.`,
    properties: (t) => ({
      trigger: t.one(TriggerType, 'The trigger.'),
      secret: t.stringOrNull(
        'New secret with which requests are signed, for the receiver; null if there is no new one.',
      ),
    }),
  })
const changedPayload = (name: string, description: string) =>
  objectType<{ readonly trigger: Trigger }>(name, {
    description,
    properties: (t) => ({ trigger: t.one(TriggerType, 'The trigger.') }),
  })

const access = 'configure'
const complexity = MUTATION_COMPLEXITY.write

mutation('createTrigger', {
  description:
    'Creates a trigger, which acts when a tag of its source moves to another image from now on. `ALREADY_EXISTS` if the namespace has a trigger with this name.',
  ...{ access, complexity },
  example: `
    # A signed CloudEvent to a build service, each time a tag of ruby moves.
    mutation CreateTrigger {
      createTrigger(input: {
        name: "build-app", imageStreams: "ruby"
        action: { http: { url: "https://builds.example.org/hooks/app" } }
      }) { trigger { id state } secret }
    }
  `,
  input: CreateTriggerInput,
  inputDescription: 'The trigger.',
  payload: issuedPayload('CreateTriggerPayload', 'The new trigger with its secret.'),
  resolve: (
    { namespace, imageStreams, tags, baseImages, action, ...input },
    { viewer, triggers: { definitions } },
  ) =>
    definitions.create(viewer, {
      ...input,
      ...tagPatternsNamed({ name: imageStreams, namespace, tag: tags }, 'imageStreams'),
      bases: baseImages,
      action: actionOf(action),
    }),
})

mutation('updateTrigger', {
  description:
    'Changes the source, the guards or the action of a trigger. Secrets that are not given again are kept, except for another host. `NOT_FOUND` if the trigger does not exist.',
  ...{ access, complexity },
  example: `
    mutation UpdateTrigger($trigger: ID!) {
      updateTrigger(input: { id: $trigger, tags: "v*" }) { trigger { id tags } }
    }
  `,
  input: UpdateTriggerInput,
  inputDescription: 'The changes.',
  payload: issuedPayload('UpdateTriggerPayload', 'The changed trigger, with a secret if it got a new one.'),
  resolve: (
    { id, imageStreams, tags, source, baseImages, guards, action },
    { viewer, triggers: { definitions } },
  ) => {
    const trigger = definitions.find(viewer, triggerIdOf(id))
    return definitions.update(viewer, {
      id: trigger.id,
      ...(imageStreams != null && sourceWithin(trigger, imageStreams, tags)),
      ...(imageStreams == null && tags != null && { tags }),
      ...(source != null && { source }),
      ...(baseImages != null && { bases: baseImages }),
      ...(guards !== undefined && { guards }),
      ...(action && { action: actionOf(action) }),
    })
  },
})

mutation('rotateTriggerSecret', {
  description:
    'Adds a new secret that signs. Requests carry a signature of the secret before it too, so that the receiver can take the new one whenever it is ready; the secret before that is deleted. `INVALID` for a trigger that does not sign with a secret.',
  ...{ access, complexity },
  example: `
    mutation RotateTriggerSecret($trigger: ID!) {
      rotateTriggerSecret(input: { id: $trigger }) { secret trigger { id } }
    }
  `,
  input: RotateTriggerSecretInput,
  inputDescription: 'The trigger.',
  payload: issuedPayload('RotateTriggerSecretPayload', 'The trigger with its new secret.'),
  resolve: ({ id }, { viewer, triggers: { definitions } }) =>
    definitions.rotateSecret(viewer, triggerIdOf(id)),
})

mutation('pauseTrigger', {
  description:
    'Pauses a trigger. What moves meanwhile is delivered when it is resumed, once for each tag, with the newest image. `NOT_FOUND` if the trigger does not exist.',
  ...{ access, complexity },
  example: `
    mutation PauseTrigger($trigger: ID!) {
      pauseTrigger(input: { id: $trigger, message: "release freeze" }) { trigger { state pauseMessage pausedUntil } }
    }
  `,
  input: PauseTriggerInput,
  inputDescription: 'The trigger, why, and until when.',
  payload: changedPayload('PauseTriggerPayload', 'The paused trigger.'),
  resolve: ({ id, message, until }, { viewer, triggers: { definitions } }) => ({
    trigger: definitions.pause(viewer, triggerIdOf(id), { reason: message, until: until ?? null }),
  }),
})

mutation('resumeTrigger', {
  description:
    'Resumes a trigger that was paused, or that the receiver had disabled. `NOT_FOUND` if the trigger does not exist.',
  ...{ access, complexity },
  example: `
    mutation ResumeTrigger($trigger: ID!) {
      resumeTrigger(input: { id: $trigger }) { trigger { state } }
    }
  `,
  input: ResumeTriggerInput,
  inputDescription: 'The trigger.',
  payload: changedPayload('ResumeTriggerPayload', 'The resumed trigger.'),
  resolve: ({ id }, { viewer, triggers: { definitions } }) => ({
    trigger: definitions.resume(viewer, triggerIdOf(id)),
  }),
})

mutation('deleteTrigger', {
  description:
    'Deletes a trigger with its secrets and its deliveries. `NOT_FOUND` if the trigger does not exist.',
  ...{ access, complexity },
  example: `
    mutation DeleteTrigger($trigger: ID!) {
      deleteTrigger(input: { id: $trigger }) { deletedId trigger { name } }
    }
  `,
  input: DeleteTriggerInput,
  inputDescription: 'The trigger.',
  payload: objectType<{ deletedId: string; trigger: Trigger }>('DeleteTriggerPayload', {
    description: 'The deleted trigger.',
    properties: (t) => ({
      trigger: t.one(TriggerType, 'The trigger in its state before the deletion, without its deliveries.'),
    }),
    fields: (t) => ({
      deletedId: t.id({
        description: 'Global `id` of the deleted trigger, which `node(id:)` no longer finds.',
        resolve: ({ deletedId }) => deletedId,
      }),
    }),
  }),
  resolve({ id }, { viewer, triggers: { definitions } }) {
    const trigger = definitions.delete(viewer, triggerIdOf(id))
    return { deletedId: nodeId('Trigger', trigger.id), trigger }
  },
})
