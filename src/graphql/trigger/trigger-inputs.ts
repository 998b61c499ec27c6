import { inputType } from '../kit/inputs.ts'
import { TriggerActionInput } from './action-input.ts'
import { TriggerGuardsInput } from './guards.ts'
import { TriggerSourceEnum } from './references.ts'

const SOURCE = {
  imageStreams:
    'Image streams whose tags the trigger reacts to: a name, or a pattern in which `*` stands for any characters. `team/app-*` is a pattern with its namespace, `app:v*` one with its tags.',
  tags: 'Tags that the trigger reacts to: a name, or a pattern in which `*` stands for any characters.',
  baseImages:
    'For the source `BASE_IMAGE`: base images that count, as `ruby`, `library/ruby:3.*`, or `*/*` for all namespaces; `*` stands for any characters. The viewer needs the right `pull` there, also at each later move.',
} as const

export const CreateTriggerInput = inputType('CreateTriggerInput', {
  description: 'A trigger to create.',
  fields: (t) => ({
    namespace: t.string(
      'Namespace of the trigger, and of the image streams that it reacts to. If omitted, that of `imageStreams`, or `default`.',
    ),
    name: t.requiredString('Name of the trigger: 1 to 100 lower-case letters, digits and `-`.'),
    imageStreams: t.requiredString(SOURCE.imageStreams),
    tags: t.string(`${SOURCE.tags} If omitted, those of \`imageStreams\`, or \`*\`.`),
    source: t.field({
      type: TriggerSourceEnum,
      required: true,
      defaultValue: 'TAG',
      description: 'What the trigger reacts to; the default is `TAG`.',
    }),
    baseImages: t.string(`${SOURCE.baseImages} If omitted, all of the namespace of the trigger.`),
    guards: t.one(TriggerGuardsInput, 'Conditions that must hold before the trigger acts.'),
    action: t.requiredOne(TriggerActionInput, 'What the trigger does.'),
  }),
})

export const UpdateTriggerInput = inputType('UpdateTriggerInput', {
  description: 'Changes of a trigger. Omitted fields do not change.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the trigger.'),
    imageStreams: t.string(SOURCE.imageStreams),
    tags: t.string(SOURCE.tags),
    source: t.one(TriggerSourceEnum, 'What the trigger reacts to.'),
    baseImages: t.string(SOURCE.baseImages),
    guards: t.one(
      TriggerGuardsInput,
      'Conditions in place of those before; `{}` or null for none. Deliveries that wait are judged again.',
    ),
    action: t.one(TriggerActionInput, 'What the trigger does, in place of what it did.'),
  }),
})

const ofTrigger = (name: string, description: string) =>
  inputType(name, { description, fields: (t) => ({ id: t.requiredId('Global `id` of the trigger.') }) })

export const RotateTriggerSecretInput = ofTrigger(
  'RotateTriggerSecretInput',
  'A trigger that gets another secret.',
)
export const ResumeTriggerInput = ofTrigger('ResumeTriggerInput', 'A trigger to resume.')
export const DeleteTriggerInput = ofTrigger('DeleteTriggerInput', 'A trigger to delete.')

export const PauseTriggerInput = inputType('PauseTriggerInput', {
  description: 'A trigger to pause.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the trigger.'),
    message: t.requiredString('Why it is paused, for people: 1 to 500 characters.'),
    until: t.dateTime('Time at which it resumes by itself. If omitted, a person resumes it.'),
  }),
})

const TAG = {
  imageStream:
    'Name of the image stream, as `app`, `team/app` or `app:v1`, in the namespace of the trigger. Can be omitted if the trigger’s source is one name.',
  tag: 'Name of the tag. Can be omitted if `imageStream` has it, or the trigger’s source is one name.',
} as const

export const FireTriggerInput = inputType('FireTriggerInput', {
  description: 'A tag for whose image a trigger is to act, whether or not it has acted for it.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the trigger.'),
    imageStream: t.string(TAG.imageStream),
    tag: t.string(TAG.tag),
  }),
})

export const TestTriggerInput = inputType('TestTriggerInput', {
  description: 'A tag for whose image a trigger would act.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the trigger.'),
    imageStream: t.string(TAG.imageStream),
    tag: t.string(TAG.tag),
    contact: t.flag('Whether to ask the receiver’s host if it responds; the default is false.'),
  }),
})

export const RetryDeliveriesInput = inputType('RetryDeliveriesInput', {
  description: 'Deliveries to attempt again: one, or those of a trigger that failed.',
  fields: (t) => ({
    delivery: t.field({
      type: 'ID',
      description: 'Global `id` of a delivery. Exactly one of `delivery` and `trigger` must be given.',
    }),
    trigger: t.field({ type: 'ID', description: 'Global `id` of a trigger.' }),
    since: t.dateTime(
      'With `trigger`: only what has failed since this time or later. If omitted, all that failed.',
    ),
  }),
})
