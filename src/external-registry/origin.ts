import { repositoryNameOf } from '../oci/repository-name.ts'
import type { StreamName } from '../oci/stream-name.ts'

/** A repository of the external registry, and the image stream that mirrors it. */
export interface ExternalOrigin extends StreamName {
  /** Path of the repository in the registry. */
  readonly repository: string
}

/**
 * Returns the stream of a repository's path: `shop/web`, and `web` is `default/web`, as in the integrated registry.
 * Undefined for a path that cannot be a stream's name.
 */
export function originOf(repository: string): ExternalOrigin | undefined {
  const name = repositoryNameOf(repository)
  return name && { repository, ...name }
}

/** Returns the key of the stream's queue: two repositories can be one stream, `web` and `default/web`. */
export const queueKeyOf = (repository: string): string => {
  const origin = originOf(repository)
  return origin ? `${origin.namespace}/${origin.name}` : repository
}
