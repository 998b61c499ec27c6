import { isObject, type Json, textOf } from '../../oci/json.ts'
import type { WorkloadKind } from './kinds.ts'

/** Lists of containers in a pod spec. */
export type ContainerList = 'containers' | 'initContainers'

/** A container in a pod spec. */
export interface Container {
  readonly list: ContainerList
  readonly index: number
  readonly name: string
  /** Empty if a controller is to set it. */
  readonly image: string
}

/** Returns the value at a path of objects, such as `spec.template.spec`; undefined if there is none. */
export const valueAt = (object: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), object)

/** Returns the objects in a list; none for anything else. */
export const objectsIn = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : [])

/** Containers of one object that are read, of each of its two lists: no pod has as many. */
export const MAX_CONTAINERS = 200

/** Returns the containers of an object, init containers first: a name belongs to one of all. */
export const containersOf = (object: Json, { podSpec }: WorkloadKind): Container[] =>
  (['initContainers', 'containers'] as const).flatMap((list) =>
    objectsIn(valueAt(object, `${podSpec}.${list}`))
      .slice(0, MAX_CONTAINERS)
      .map(({ name, image }, index) => ({
        list,
        index,
        name: textOf(name),
        image: textOf(image),
      })),
  )
