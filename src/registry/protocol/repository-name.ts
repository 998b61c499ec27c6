import { isRepositoryName } from '../../oci/reference.ts'
import { isNamespace, isStreamName, NAMESPACE_GRAMMAR, STREAM_NAME_GRAMMAR } from '../../oci/stream-name.ts'
import { OciError } from './errors.ts'

/** A repository, named as the image stream that it belongs to. */
export interface RepositoryName {
  readonly namespace: string
  readonly name: string
}

const DEFAULT_NAMESPACE = 'default'

export const formatRepositoryName = ({ namespace, name }: RepositoryName): string => `${namespace}/${name}`

/**
 * The stream that a repository's path stands for: `shop/web` is stream `web` of namespace `shop`, and `web` alone is
 * `default/web`, as the API has it. A deeper path is no stream's. Throws OciError.
 */
export function parseRepositoryName(path: string): RepositoryName {
  if (!isRepositoryName(path)) {
    throw new OciError('NAME_INVALID', `"${path.slice(0, 300)}" is not a repository's name`, { status: 404 })
  }
  const parts = path.split('/')
  const [namespace = '', name = ''] = parts.length === 1 ? [DEFAULT_NAMESPACE, path] : parts
  const why =
    parts.length > 2
      ? 'a repository is namespace/name here, two parts'
      : !isNamespace(namespace)
        ? `"${namespace}" cannot be a namespace: ${NAMESPACE_GRAMMAR}`
        : !isStreamName(namespace, name)
          ? `"${name}" cannot be an image stream's name: ${STREAM_NAME_GRAMMAR}`
          : undefined
  if (why) throw new OciError('NAME_INVALID', `"${path}" cannot be an image stream: ${why}`)
  return { namespace, name }
}
