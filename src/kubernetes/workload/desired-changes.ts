import { quoted } from '../../input/errors.ts'
import { isObject, type Json, textOf } from '../../oci/json.ts'
import { parseAnnotation, TRIGGERS_ANNOTATION } from './annotation.ts'
import type { TriggerCondition } from './condition.ts'
import { type Container, containersOf } from './containers.ts'
import { configChanges } from './deployment-config.ts'
import { parseFieldPath, selected } from './field-path.ts'
import type { DesiredImages, ImageChange } from './image-change.ts'
import { type ImageTriggers, isMadeByWorkload, type ResolveTag } from './image-trigger.ts'
import { WORKLOAD_KINDS, type WorkloadKind } from './kinds.ts'
import {
  containerRepeated,
  containerUnknown,
  immutable,
  pathInvalid,
  pathOutside,
  paused,
  tagUnknown,
} from './problems.ts'

/**
 * Returns the images that the triggers in an object demand now. It compares states: an object that was applied with an old
 * image has a change again. An unknown container or a wrong field path leaves the object as it is; a tag without an image, and
 * a pause, skip their trigger. Source: openshift-controller-manager pkg/image/trigger/annotations.
 */
export function desiredChanges(object: Json, resolve: ResolveTag): DesiredImages {
  const kind = WORKLOAD_KINDS.get(textOf(object.kind))
  if (!kind || isMadeByWorkload(object)) return { changes: [], conditions: [] }
  const containers = containersOf(object, kind)
  const parsed = annotatedTriggers(object)
  if (parsed.triggers.length > 0 && !kind.isMutable) {
    return { changes: [], conditions: [...parsed.conditions, immutable(kind)] }
  }
  const annotated = annotatedChanges(parsed, { kind, containers, resolve })
  if (kind.kind !== 'DeploymentConfig') return annotated
  const own = configChanges(object, containers, resolve)
  const isOwn = ({ container }: ImageChange): boolean =>
    own.changes.some((one) => one.container === container)
  return {
    ...own,
    changes: [...annotated.changes.filter((change) => !isOwn(change)), ...own.changes],
    conditions: [...annotated.conditions, ...own.conditions],
  }
}

/** Returns the triggers in the annotation of an object, for which its metadata is enough. */
export function annotatedTriggers({ metadata }: Json): ImageTriggers {
  const { annotations, namespace } = isObject(metadata) ? metadata : {}
  const text = isObject(annotations) ? annotations[TRIGGERS_ANNOTATION] : undefined
  if (typeof text !== 'string') return { triggers: [], conditions: [] }
  return parseAnnotation(text, textOf(namespace))
}

interface Rules {
  readonly kind: WorkloadKind
  readonly containers: readonly Container[]
  readonly resolve: ResolveTag
}

function annotatedChanges(parsed: ImageTriggers, { kind, containers, resolve }: Rules): DesiredImages {
  const conditions: TriggerCondition[] = [...parsed.conditions]
  const images = new Map<Container, ImageChange>()
  let isBlocked = false
  for (const { source, fieldPath, isPaused } of parsed.triggers) {
    if (isPaused) {
      conditions.push(paused(source, fieldPath))
      continue
    }
    const selector = parseFieldPath(fieldPath, kind.podSpec)
    if (selector === 'outside') {
      conditions.push(pathOutside(kind, fieldPath))
      continue
    }
    const to = resolve(source)
    const container = selector === 'invalid' ? undefined : selected(containers, selector)
    if (selector === 'invalid') conditions.push(pathInvalid(kind, fieldPath))
    else if (!container) conditions.push(containerUnknown(selectorText(selector.by), containers, fieldPath))
    else if (images.has(container)) conditions.push(containerRepeated(container, fieldPath))
    if (to === undefined) conditions.push(tagUnknown(source, fieldPath))
    else if (!container) isBlocked = true
    else images.set(container, { container, fieldPath, to })
  }
  const changes = [...images.values()].filter(({ container, to }) => container.image !== to)
  return { changes: isBlocked ? [] : changes, conditions }
}

const selectorText = (by: { readonly index: number } | { readonly name: string }): string =>
  'name' in by ? quoted(by.name) : `number ${by.index}`
