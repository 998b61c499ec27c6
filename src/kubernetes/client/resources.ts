import { isObject, type Json, textOf } from '../../oci/json.ts'
import { unreadable } from './errors.ts'

/** A resource, or a subresource, of an API version. */
export interface ApiResource {
  /** `deployments`, `buildconfigs/instantiate`. */
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

/** Returns the resources of an APIResourceList. Throws KubernetesError for another document. */
export function readResources(list: Json): ApiResource[] {
  const { resources } = list
  if (!Array.isArray(resources)) throw unreadable('it is not a list of resources')
  return resources.filter(isObject).map(({ name, kind, namespaced }) => ({
    name: textOf(name),
    kind: textOf(kind),
    namespaced: namespaced === true,
  }))
}
