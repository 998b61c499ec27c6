import { quoted } from '../../input/errors.ts'
import { isObject, type Json, parseJson } from '../../oci/json.ts'
import { condition, type TriggerCondition } from './condition.ts'
import { type ImageTrigger, type ImageTriggers, sourceOf } from './image-trigger.ts'
import { MAX_TRIGGERS, sourceInvalid, tooManyTriggers } from './problems.ts'

/** Annotation whose value is a list of triggers, as JSON. */
export const TRIGGERS_ANNOTATION = 'image.openshift.io/triggers'

/** Characters; API servers accept 256 KiB for all annotations of an object. */
const MAX_LENGTH = 256 * 1024

/** Unknown keys of a trigger that have a condition. */
const MAX_UNKNOWN_KEYS = 3

const EXAMPLE =
  '[{"from":{"kind":"ImageStreamTag","name":"app:latest"},"fieldPath":"spec.template.spec.containers[?(@.name==\\"app\\")].image"}]'
const refused = (reason: 'ANNOTATION_INVALID' | 'PAUSED_INVALID', message: string, remedy: string) => ({
  triggers: [],
  conditions: [condition(reason, message, { remedy })],
})

/**
 * Parses the annotation of an object in a namespace. An invalid annotation has a condition and no triggers, as in OpenShift;
 * a trigger whose source is not a tag is left out. Two mistakes are accepted: `paused` as text, and any quotation marks in the
 * field path. Source: openshift/library-go pkg/image/trigger.
 */
export function parseAnnotation(text: string, namespace: string): ImageTriggers {
  const value = text.length > MAX_LENGTH ? undefined : parseJson(text)
  // Go reads null as an empty list
  if (value === null) return { triggers: [], conditions: [] }
  if (!Array.isArray(value) || !value.every(isObject)) {
    return refused(
      'ANNOTATION_INVALID',
      `the annotation ${TRIGGERS_ANNOTATION} is not a list of objects in JSON`,
      `write it like ${EXAMPLE}`,
    )
  }
  if (value.length > MAX_TRIGGERS) return { triggers: [], conditions: [tooManyTriggers(value.length)] }
  const entries = value.map((entry, at) => ({ at, ...readEntry(entry) }))
  for (const { at, from, fieldPath, paused } of entries) {
    if (!(from == null || isObject(from)) || typeof fieldPath !== 'string') {
      return refused(
        'ANNOTATION_INVALID',
        `trigger ${at + 1} of the annotation ${TRIGGERS_ANNOTATION} needs from as an object, and fieldPath as text`,
        `write it like ${EXAMPLE}`,
      )
    }
    if (pausedOf(paused) === undefined) {
      return refused(
        'PAUSED_INVALID',
        `paused of trigger ${at + 1} is ${quoted(String(JSON.stringify(paused)))}, so that none of the triggers applies`,
        'write true or false without quotation marks, or leave it out',
      )
    }
  }
  const repeated = firstRepeated(entries.map(({ fieldPath }) => String(fieldPath)))
  if (repeated !== undefined) {
    const message = `two triggers have the field path ${quoted(repeated)}, so that none of the triggers applies`
    const remedy = 'remove one of them'
    return {
      triggers: [],
      conditions: [condition('FIELD_PATH_REPEATED', message, { remedy, fieldPath: repeated })],
    }
  }
  return collect(entries, namespace)
}

interface Entry {
  readonly from: unknown
  readonly fieldPath: unknown
  readonly paused: unknown
  readonly unknownKeys: readonly string[]
}

function collect(entries: readonly Entry[], namespace: string): ImageTriggers {
  const triggers: ImageTrigger[] = []
  const conditions: TriggerCondition[] = []
  for (const { from, fieldPath: path, paused, unknownKeys } of entries) {
    const fieldPath = String(path)
    for (const key of unknownKeys.slice(0, MAX_UNKNOWN_KEYS)) {
      const isPause = /^pause/i.test(key)
      const remedy = isPause
        ? 'write paused to pause the trigger'
        : 'remove it, or correct it to from, fieldPath or paused'
      conditions.push(
        condition('KEY_UNKNOWN', `the key ${quoted(key)} is unknown and has no effect`, {
          remedy,
          fieldPath,
        }),
      )
    }
    const source = sourceOf(from, namespace)
    if (source) triggers.push({ source, fieldPath, isPaused: pausedOf(paused) === true })
    else conditions.push(sourceInvalid(from, fieldPath))
  }
  return { triggers, conditions }
}

const KEYS = ['from', 'fieldPath', 'paused'] as const
const FROM_KEYS = ['kind', 'name', 'namespace', 'apiVersion'] as const

function readEntry(entry: Json): Entry {
  const own = byNames(entry, KEYS)
  const from = isObject(own.known.from) ? byNames(own.known.from, FROM_KEYS) : undefined
  return {
    from: from?.known ?? own.known.from,
    fieldPath: own.known.fieldPath ?? '',
    paused: own.known.paused,
    unknownKeys: [...own.unknown, ...(from?.unknown ?? [])],
  }
}

/** Go's parser ignores the case of keys. */
function byNames<Name extends string>(
  entry: Json,
  names: readonly Name[],
): { readonly known: Partial<Record<Name, unknown>>; readonly unknown: readonly string[] } {
  const known: Partial<Record<Name, unknown>> = {}
  const unknown: string[] = []
  for (const [key, value] of Object.entries(entry)) {
    const name = names.find((one) => one.toLowerCase() === key.toLowerCase())
    if (name) known[name] = value
    else unknown.push(key)
  }
  return { known, unknown }
}

/** Returns undefined for an invalid value. */
function pausedOf(paused: unknown): boolean | undefined {
  if (paused === undefined || paused === null) return false
  if (paused === true || paused === 'true') return true
  return paused === false || paused === 'false' ? false : undefined
}

const firstRepeated = (texts: readonly string[]): string | undefined =>
  texts.find((text, at) => texts.indexOf(text) !== at)
