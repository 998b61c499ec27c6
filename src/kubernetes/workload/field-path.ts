import type { Container, ContainerList } from './containers.ts'

/** How a field path selects a container. */
export interface ContainerSelector {
  readonly list: ContainerList
  /** Index in the list, or a name in any of the lists. */
  readonly by: { readonly index: number } | { readonly name: string }
}

const PATH = /^(containers|initContainers)\[([^\]]*)\]\.?image$/
// OpenShift itself accepts ?(@.name=="web") alone; its documents have also shown the others
const BY_NAME = /^\?\(\s*@\.name\s*={1,2}\s*(["'])(.+)\1\s*\)$/

/**
 * Parses a field path such as `spec.template.spec.containers[?(@.name=="web")].image` of an object whose pod spec is at
 * `podSpec`. Returns `outside` for a path that does not begin with that, and `invalid` for any other path.
 */
export function parseFieldPath(
  fieldPath: string,
  podSpec: string,
): ContainerSelector | 'outside' | 'invalid' {
  if (!fieldPath.startsWith(`${podSpec}.`)) return 'outside'
  const [, list, selector = ''] = PATH.exec(fieldPath.slice(podSpec.length + 1)) ?? []
  if (list !== 'containers' && list !== 'initContainers') return 'invalid'
  if (/^\d{1,4}$/.test(selector)) return { list, by: { index: Number(selector) } }
  const [, , name] = BY_NAME.exec(selector) ?? []
  return name === undefined ? 'invalid' : { list, by: { name } }
}

/** Returns the selected container; undefined if there is none. A name is looked for in both lists, as OpenShift does. */
export const selected = (
  containers: readonly Container[],
  { list, by }: ContainerSelector,
): Container | undefined =>
  containers.find((one) =>
    'name' in by ? one.name === by.name : one.list === list && one.index === by.index,
  )
