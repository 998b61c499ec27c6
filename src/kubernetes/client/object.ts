import { isObject, type Json } from '../../oci/json.ts'

/** Metadata of an object, as far as it is used here. */
export interface ObjectMetadata {
  readonly name: string
  /** Undefined for objects of the whole cluster. */
  readonly namespace?: string
  readonly uid?: string
  /** Version for conflicts and watches: compared for equality only. */
  readonly resourceVersion?: string
  /** Number of the version of `spec`. */
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly Json[]
  /** Who set each field; metadata lists and watches contain it, too. */
  readonly managedFields?: readonly Json[]
  readonly deletionTimestamp?: string
}

/** An object of a cluster: its metadata is checked, its other fields are as the server sent them. */
export interface KubernetesObject extends Json {
  readonly metadata: ObjectMetadata
}

const isTexts = (value: unknown): boolean =>
  isObject(value) && Object.values(value).every((text) => typeof text === 'string')
const isText = (value: unknown): boolean => typeof value === 'string'
const isObjects = (value: unknown): boolean => Array.isArray(value) && value.every(isObject)

const METADATA: Readonly<Record<keyof ObjectMetadata, (value: unknown) => boolean>> = {
  name: isText,
  namespace: isText,
  uid: isText,
  resourceVersion: isText,
  generation: (value) => Number.isInteger(value),
  labels: isTexts,
  annotations: isTexts,
  ownerReferences: isObjects,
  managedFields: isObjects,
  deletionTimestamp: isText,
}

/** Returns the value if it is an object with a name whose metadata has the expected types; undefined otherwise. */
export function asKubernetesObject(value: unknown): KubernetesObject | undefined {
  if (!isObject(value) || !isObject(value.metadata) || !('name' in value.metadata)) return undefined
  const { metadata } = value
  const isValid = Object.entries(METADATA).every(
    ([field, accepts]) => metadata[field] === undefined || accepts(metadata[field]),
  )
  return isValid ? (value as KubernetesObject) : undefined
}
