import { digestOf } from '../../oci/digest.ts'
import { isObject, type Json } from '../../oci/json.ts'
import type { KubernetesObject } from '../client/object.ts'
import type { ObservedKind } from '../cluster/kinds.ts'
import { TRIGGERS_ANNOTATION } from '../workload/annotation.ts'
import { isMadeByWorkload } from '../workload/image-trigger.ts'

/**
 * Returns a digest of what decides about an object's images: its triggers, and the version of its spec. Null for an object
 * without triggers, and for one that another workload has made: a Deployment copies its annotations to its ReplicaSets.
 */
export function versionOf(object: KubernetesObject, { kind, isAnnotated }: ObservedKind): string | null {
  const { annotations, generation, resourceVersion } = object.metadata
  if (isMadeByWorkload(object)) return null
  const { spec, status } = object
  const annotation = annotations?.[TRIGGERS_ANNOTATION]
  const hasAnnotation = annotation !== undefined && annotation !== ''
  if (!isAnnotated) {
    return hasAnnotation || hasImageChange(spec) ? hash([annotation, spec, startedBuilds(status)]) : null
  }
  if (!hasAnnotation) return null
  return hash([annotation, kind === 'Pod' ? spec : (generation ?? resourceVersion)])
}

const hash = (parts: readonly unknown[]): string => digestOf(JSON.stringify(parts))

const hasImageChange = (spec: unknown): boolean =>
  isObject(spec) &&
  Array.isArray(spec.triggers) &&
  spec.triggers.some((trigger) => isObject(trigger) && trigger.type === 'ImageChange')

const startedBuilds = (status: unknown): Json[keyof Json] =>
  isObject(status) ? status.imageChangeTriggers : undefined
