import { OciError } from './oci-error.ts'
import { isRepositoryName } from './reference.ts'
import {
  isNamespace,
  isStreamName,
  NAMESPACE_GRAMMAR,
  STREAM_NAME_GRAMMAR,
  type StreamName,
} from './stream-name.ts'

const DEFAULT_NAMESPACE = 'default'

/** Returns the name of the stream's repository. */
export const formatRepositoryName = ({ namespace, name }: StreamName): string => `${namespace}/${name}`

/**
 * Parses a repository's path: `shop/web` is stream `web` of namespace `shop`, and `web` alone is `default/web`.
 * Undefined for a path of more than two parts and for an invalid stream name.
 */
export function repositoryNameOf(path: string): StreamName | undefined {
  const { namespace, name, parts } = split(path)
  return parts <= 2 && isNamespace(namespace) && isStreamName(namespace, name)
    ? { namespace, name }
    : undefined
}

/** Parses a repository's path like `repositoryNameOf`. Throws OciError for an invalid one. */
export function parseRepositoryName(path: string): StreamName {
  const repository = repositoryNameOf(path)
  if (repository) return repository
  if (isRepositoryName(path))
    throw new OciError('NAME_INVALID', `"${path}" cannot be an image stream: ${problemOf(path)}`)
  throw new OciError('NAME_INVALID', `"${path.slice(0, 300)}" is not a valid repository name`, {
    status: 404,
  })
}

function split(path: string): StreamName & { readonly parts: number } {
  const parts = path.split('/')
  const [namespace = '', name = ''] = parts.length === 1 ? [DEFAULT_NAMESPACE, path] : parts
  return { namespace, name, parts: parts.length }
}

function problemOf(path: string): string {
  const { namespace, name, parts } = split(path)
  if (parts > 2) return 'a repository of this registry is namespace/name, two parts'
  return isNamespace(namespace)
    ? `"${name}" cannot be an image stream's name: ${STREAM_NAME_GRAMMAR}`
    : `"${namespace}" cannot be a namespace: ${NAMESPACE_GRAMMAR}`
}
