import { isNamespace, isStreamName } from '../oci/stream-name.ts'

/** A repository of the external registry, and the stream that it is. */
export interface Origin {
  /** The repository's path, as the registry has it. */
  readonly repository: string
  readonly namespace: string
  readonly name: string
}

const DEFAULT_NAMESPACE = 'default'

/**
 * The stream that a repository's path stands for, as the integrated registry has it: `shop/web`, and `web` alone is
 * `default/web`. Undefined for a deeper path, or one that cannot be a stream's name.
 */
export function originOf(repository: string): Origin | undefined {
  const parts = repository.split('/')
  if (parts.length > 2) return undefined
  const [namespace = '', name = ''] = parts.length === 1 ? [DEFAULT_NAMESPACE, repository] : parts
  return isNamespace(namespace) && isStreamName(namespace, name) ? { repository, namespace, name } : undefined
}

/** What must not happen at the same time: two repositories can be one stream, `web` and `default/web`. */
export const turnOf = (repository: string): string => {
  const origin = originOf(repository)
  return origin ? `${origin.namespace}/${origin.name}` : repository
}
