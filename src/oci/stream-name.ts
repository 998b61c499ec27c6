import { isNameComponent, isRepositoryName, MAX_REPOSITORY_LENGTH } from './reference.ts'

/** Name of an image stream, and of the repository of the integrated registry that belongs to it. */
export interface StreamName {
  /** First component of the repository's name; it has no slash. */
  readonly namespace: string
  /** The other components, joined by slashes. */
  readonly name: string
}

/** Namespace of a repository whose name has one component. */
export const DEFAULT_NAMESPACE = 'default'

// a slash and a name of one character follow
const MAX_NAMESPACE_LENGTH = MAX_REPOSITORY_LENGTH - 2

const COMPONENT_GRAMMAR = 'lowercase letters and digits, separated by ".", "_", "__" or dashes'

/** Grammar of namespaces, for messages. */
export const NAMESPACE_GRAMMAR = `a namespace is 1 to ${MAX_NAMESPACE_LENGTH} ${COMPONENT_GRAMMAR}`

/** Grammar of the names of streams and repositories, for messages. */
export const NAME_GRAMMAR =
  `a name has one or more components, separated by "/", of ${COMPONENT_GRAMMAR}; ` +
  `namespace/name has at most ${MAX_REPOSITORY_LENGTH} characters`

/** Reports whether the text can be the first component of a repository's name. */
export const isNamespace = (text: string): boolean =>
  text.length <= MAX_NAMESPACE_LENGTH && isNameComponent(text)

/**
 * Reports whether `namespace/name` is the name of a repository. In namespace `default` the longest names of one component are
 * allowed too: clients write them without the namespace.
 */
export const isStreamName = (namespace: string, name: string): boolean =>
  isRepositoryName(`${namespace}/${name}`) ||
  (namespace === DEFAULT_NAMESPACE && isNameComponent(name) && isRepositoryName(name))

/** Returns what is wrong with a namespace, a name or a path of both; undefined if only its length can be wrong. */
export function nameProblem(text: string): string | undefined {
  if (text === '') return 'it is empty'
  const component = text.split('/').find((one) => !isNameComponent(one))
  if (component === undefined) return undefined
  if (component === '') return 'it has an empty component before, after or between slashes'
  const where = component === text ? 'it' : `its component "${component.slice(0, 100)}"`
  if (/[A-Z]/.test(component)) return `${where} has uppercase letters`
  const [other] = /[^a-z0-9._-]/u.exec(component) ?? []
  if (other !== undefined) return `${where} has the character ${JSON.stringify(other)}`
  const [edge] = /^[._-]|[._-]$/.exec(component) ?? []
  if (edge !== undefined) return `${where} begins or ends with "${edge}"`
  return `${where} has the separator "${separatorIn(component)}"`
}

/** Returns the first separator that is not allowed in a component. */
const separatorIn = (component: string): string =>
  (component.match(/[._-]+/g) ?? []).find((separator) => !/^(?:\.|__?|-+)$/.test(separator)) ?? ''
