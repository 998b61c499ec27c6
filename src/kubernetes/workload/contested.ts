import { isObject, type Json, textOf } from '../../oci/json.ts'
import { FIELD_MANAGER } from '../client/client.ts'
import { type Container, objectsIn, valueAt } from './containers.ts'
import type { WorkloadKind } from './kinds.ts'

/** Name of the manager where the object does not say who owns its fields. */
export const UNKNOWN_MANAGER = 'unknown'

interface SetImage {
  readonly kind: WorkloadKind
  /** The container as it is now; its name and list are used. */
  readonly container: Container
  /** The image that this server set last. */
  readonly set: string
}

/**
 * Returns the field manager that has replaced the image that this server set in a container; undefined if the image is still
 * that, and if this server owns the field. Source: kubernetes.io/docs/reference/using-api/server-side-apply, Field management.
 */
export function replacedBy(object: Json, { kind, container, set }: SetImage): string | undefined {
  if (container.image === set) return undefined
  const path = [
    ...kind.podSpec.split('.').map((key) => `f:${key}`),
    `f:${container.list}`,
    `k:${JSON.stringify({ name: container.name })}`,
    'f:image',
  ]
  const owners = objectsIn(valueAt(object, 'metadata.managedFields'))
    .filter(({ fieldsV1 }) => has(fieldsV1, path))
    // several managers may own a field that they set to the same value
    .sort((one, other) => (textOf(one.time) < textOf(other.time) ? 1 : -1))
  const newest = owners[0]
  if (!newest) return UNKNOWN_MANAGER
  return newest.manager === FIELD_MANAGER ? undefined : textOf(newest.manager) || UNKNOWN_MANAGER
}

// keys contain dots
const has = (fields: unknown, path: readonly string[]): boolean =>
  path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), fields) !== undefined
