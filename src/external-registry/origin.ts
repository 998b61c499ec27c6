import { formatRepositoryName, repositoryNameOf } from '../oci/repository-name.ts'
import type { StreamName } from '../oci/stream-name.ts'

/** A repository of the external registry, and the image stream that mirrors it. */
export interface ExternalOrigin extends StreamName {
  /** Path of the repository in the registry. */
  readonly repository: string
}

/**
 * Returns the stream of a repository's path, as in the integrated registry: `team/sub/app` is stream `sub/app` of namespace
 * `team`, and `web` is `default/web`. Throws TypeError for an invalid path: paths are checked on arrival.
 */
export function originOf(repository: string): ExternalOrigin {
  const name = repositoryNameOf(repository)
  if (!name) throw new TypeError(`"${repository}" is not the name of a repository`)
  return { repository, ...name }
}

/** Returns the key of the stream's queue: two repositories can be one stream, `web` and `default/web`. */
export const queueKeyOf = (repository: string): string => formatRepositoryName(originOf(repository))
