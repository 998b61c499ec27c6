import { isObject, type Json, textOf } from '../../oci/json.ts'
import type { TriggerCondition } from './condition.ts'

/** A tag that an object takes an image from. */
export interface SourceTag {
  readonly namespace: string
  /** Name of the ImageStreamTag: `ruby:3.3`. */
  readonly name: string
}

/** A trigger that is written in an object. */
export interface ImageTrigger {
  readonly source: SourceTag
  /** Where its image is set; of a BuildConfig, where the trigger is. */
  readonly fieldPath: string
  readonly isPaused: boolean
}

/** The triggers of an object. */
export interface ImageTriggers {
  readonly triggers: readonly ImageTrigger[]
  readonly conditions: readonly TriggerCondition[]
}

/** Returns what workloads have as the image of a tag, by its reference policy; undefined if the tag has no image. */
export type ResolveTag = (source: SourceTag) => string | undefined

/** Returns the tag that a reference names, by default in the object's namespace; undefined for any other reference. */
export function sourceOf(from: unknown, namespace: string): SourceTag | undefined {
  if (!isObject(from) || from.kind !== 'ImageStreamTag') return undefined
  const name = textOf(from.name)
  return /^[^:@]+:[^:@]+$/.test(name) ? { namespace: textOf(from.namespace) || namespace, name } : undefined
}

/** Returns the source as messages name it: `shop/ruby:3.3`. */
export const sourceText = ({ namespace, name }: SourceTag): string => `${namespace}/${name}`

/** Kinds whose objects make other objects with a pod spec, and copy annotations to them. */
const CONTROLLERS = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'CronJob',
  'Job',
  'DeploymentConfig',
]

/** Reports whether another workload has made the object: the images of that one are set, and it replaces this object. */
export const isMadeByWorkload = ({ metadata }: Json): boolean =>
  isObject(metadata) &&
  Array.isArray(metadata.ownerReferences) &&
  metadata.ownerReferences.some(
    (owner) => isObject(owner) && owner.controller === true && CONTROLLERS.includes(textOf(owner.kind)),
  )
