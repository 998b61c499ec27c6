import { quoted } from '../../input/errors.ts'
import { isObject, type Json, textOf } from '../../oci/json.ts'
import type { TriggerCondition } from './condition.ts'
import { type Container, MAX_CONTAINERS, objectsIn, valueAt } from './containers.ts'
import type { DesiredImages, ImageChange } from './image-change.ts'
import { type ResolveTag, sourceOf } from './image-trigger.ts'
import { containerUnknown, MAX_TRIGGERS, sourceInvalid, tagUnknown, tooManyTriggers } from './problems.ts'

const PARAMETERS = 'imageChangeParams'

/**
 * Returns the images that the triggers of a DeploymentConfig demand, and its triggers with these images recorded: OpenShift
 * rolls out nothing before each automatic trigger has recorded one. Until all automatic triggers had an image once, nothing
 * changes. Source: openshift-controller-manager pkg/image/trigger/deploymentconfigs.
 */
export function configChanges(
  object: Json,
  containers: readonly Container[],
  resolve: ResolveTag,
): DesiredImages {
  const excess = excessOf(object)
  if (excess) return { changes: [], conditions: [excess] }
  const conditions: TriggerCondition[] = []
  const images = new Map<Container, ImageChange>()
  const recorded = new Map<number, string>()
  for (const { at, from, fieldPath, automatic, containerNames, lastTriggeredImage } of parametersOf(object)) {
    const source = sourceOf(from, namespaceOf(object))
    if (!source) conditions.push(sourceInvalid(from, fieldPath))
    if (!source || automatic !== true) continue
    const last = textOf(lastTriggeredImage)
    const found = resolve(source)
    if (found === undefined) conditions.push(tagUnknown(source, fieldPath))
    const to = found ?? last
    if (to === '') return { changes: [], conditions }
    if (to !== last) recorded.set(at, to)
    const names = Array.isArray(containerNames) ? containerNames.slice(0, MAX_CONTAINERS).map(textOf) : []
    for (const name of names) {
      const own = containers.filter((container) => container.name === name)
      if (own.length === 0) conditions.push(containerUnknown(quoted(name), containers, fieldPath))
      for (const container of own) images.set(container, { container, fieldPath, to })
    }
  }
  return {
    changes: [...images.values()].filter(({ container, to }) => container.image !== to),
    ...(recorded.size > 0 && { triggers: withRecorded(object, recorded) }),
    conditions,
  }
}

const namespaceOf = (object: Json): string => textOf(valueAt(object, 'metadata.namespace'))

/** Returns the condition of too many triggers; undefined for as many as are read. */
function excessOf(object: Json): TriggerCondition | undefined {
  const { length } = objectsIn(valueAt(object, 'spec.triggers'))
  return length > MAX_TRIGGERS ? tooManyTriggers(length) : undefined
}

/** Returns the parameters of image change triggers, with where they are. */
const parametersOf = (object: Json) =>
  objectsIn(valueAt(object, 'spec.triggers')).flatMap(({ [PARAMETERS]: parameters }, at) => {
    if (!isObject(parameters)) return []
    const { from, automatic, containerNames, lastTriggeredImage } = parameters
    const fieldPath = `spec.triggers[${at}].${PARAMETERS}`
    return [{ at, fieldPath, from, automatic, containerNames, lastTriggeredImage }]
  })

const withRecorded = (object: Json, recorded: ReadonlyMap<number, string>): Json[] =>
  objectsIn(valueAt(object, 'spec.triggers')).map((trigger, at) => {
    const image = recorded.get(at)
    const { [PARAMETERS]: parameters } = trigger
    if (image === undefined || !isObject(parameters)) return trigger
    return { ...trigger, [PARAMETERS]: { ...parameters, lastTriggeredImage: image } }
  })
