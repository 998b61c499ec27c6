import { quoted } from '../../input/errors.ts'
import { isObject } from '../../oci/json.ts'
import { condition, type TriggerCondition } from './condition.ts'
import type { Container } from './containers.ts'
import { type SourceTag, sourceText } from './image-trigger.ts'
import type { WorkloadKind } from './kinds.ts'

/** Triggers of one object. */
export const MAX_TRIGGERS = 100

/** Returns the condition of an object with more triggers. */
export const tooManyTriggers = (count: number): TriggerCondition =>
  condition('TRIGGERS_TOO_MANY', `the object has ${count} triggers, so that none applies`, {
    remedy: `write at most ${MAX_TRIGGERS}`,
  })

/** Returns the condition of a source that is not a tag of an image stream. */
export function sourceInvalid(from: unknown, fieldPath: string): TriggerCondition {
  const given = isObject(from) ? `${from.kind ?? 'no kind'} ${quoted(String(from.name ?? ''))}` : 'nothing'
  return condition('SOURCE_INVALID', `from is ${given}, which is not a tag of an image stream`, {
    remedy: 'write {"kind":"ImageStreamTag","name":"stream:tag"}',
    fieldPath,
  })
}

/** Returns the condition of a kind whose images cannot change. */
export const immutable = ({ kind }: WorkloadKind): TriggerCondition =>
  condition('IMMUTABLE', `the pod template of a ${kind} cannot change`, {
    remedy: `set the image of what creates the ${kind}, such as a CronJob, or create a new ${kind}`,
  })

/** Containers that a remedy names. */
const MAX_NAMED = 10

/** Returns the condition of a container that does not exist. */
export const containerUnknown = (
  wanted: string,
  containers: readonly Container[],
  fieldPath: string | null,
): TriggerCondition => {
  const some = containers.slice(0, MAX_NAMED).map(({ name }) => quoted(name))
  const names = [...some, ...(containers.length > MAX_NAMED ? ['others'] : [])].join(', ')
  return condition('CONTAINER_UNKNOWN', `the object has no container ${wanted}, so that no image is set`, {
    remedy: `name one of ${names || 'its containers'}`,
    fieldPath,
  })
}

/** Returns the condition of a tag without an image. */
export const tagUnknown = (source: SourceTag, fieldPath: string): TriggerCondition => ({
  ...condition('TAG_UNKNOWN', `the tag ${sourceText(source)} has no image yet`, {
    remedy: 'push or import it: the image is set as soon as the tag has one',
    fieldPath,
  }),
  streamNamespace: source.namespace,
})

/** Returns the condition of a trigger that is paused. */
export const paused = (source: SourceTag, fieldPath: string): TriggerCondition => ({
  ...condition('PAUSED', `the trigger from ${sourceText(source)} is paused, so that its image is not set`, {
    remedy: 'remove paused from the trigger, or write false, to set it again',
    fieldPath,
  }),
  streamNamespace: source.namespace,
})

/** Returns the condition of a field path in another part of the object. */
export const pathOutside = ({ kind, podSpec }: WorkloadKind, fieldPath: string): TriggerCondition =>
  condition('FIELD_PATH_OUTSIDE', `the field path ${quoted(fieldPath)} is not in the pod spec of a ${kind}`, {
    remedy: `begin it with ${podSpec}.`,
    fieldPath,
  })

/** Returns the condition of a field path that leads to no image. */
export const pathInvalid = ({ podSpec }: WorkloadKind, fieldPath: string): TriggerCondition =>
  condition(
    'FIELD_PATH_INVALID',
    `the field path ${quoted(fieldPath)} does not lead to the image of a container, so that no image is set`,
    { remedy: `write ${podSpec}.containers[?(@.name=="NAME")].image, or [0] for the first`, fieldPath },
  )

/** Returns the condition of a container that two triggers set. */
export const containerRepeated = ({ name }: Container, fieldPath: string): TriggerCondition =>
  condition(
    'CONTAINER_REPEATED',
    `two triggers set the image of the container ${quoted(name)}: the last applies`,
    {
      remedy: 'remove one of them',
      fieldPath,
    },
  )
