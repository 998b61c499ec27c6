import { OciError } from './oci-error.ts'
import { isRepositoryName, MAX_REPOSITORY_LENGTH } from './reference.ts'
import {
  DEFAULT_NAMESPACE,
  isNamespace,
  isStreamName,
  NAME_GRAMMAR,
  nameProblem,
  type StreamName,
} from './stream-name.ts'

/** Returns `namespace/name`, which only one stream has, as a namespace has no slash. */
export const formatRepositoryName = ({ namespace, name }: StreamName): string => `${namespace}/${name}`

/**
 * Returns the name of the stream's repository for pull specs: `namespace/name`, and the name alone where both together are
 * longer than a reference allows.
 */
export function repositoryPathOf(stream: StreamName): string {
  const path = formatRepositoryName(stream)
  return isRepositoryName(path) ? path : stream.name
}

/**
 * Parses a repository's path. The first component is the namespace and the others are the stream's name: `team/sub/app` is
 * stream `sub/app` of namespace `team`, and `web` alone is `default/web`. Undefined for an invalid path.
 */
export function repositoryNameOf(path: string): StreamName | undefined {
  const slash = path.indexOf('/')
  const namespace = slash < 0 ? DEFAULT_NAMESPACE : path.slice(0, slash)
  const name = path.slice(slash + 1)
  return isNamespace(namespace) && isStreamName(namespace, name) ? { namespace, name } : undefined
}

/**
 * Parses a repository's path like `repositoryNameOf`. Throws OciError for an invalid one, with status 404: clients begin a push
 * with a HEAD request, whose response has no explanation, and continue after a 404 to a request whose response has one.
 */
export function parseRepositoryName(path: string): StreamName {
  const repository = repositoryNameOf(path)
  if (repository) return repository
  const problem =
    nameProblem(path) ?? `it has ${path.length} characters, and at most ${MAX_REPOSITORY_LENGTH} are allowed`
  throw new OciError(
    'NAME_INVALID',
    `"${path.slice(0, 300)}" is not a valid repository name: ${problem}; ${NAME_GRAMMAR}`,
    { status: 404 },
  )
}
