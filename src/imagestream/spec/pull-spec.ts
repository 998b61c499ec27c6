import type { Digest } from '../../oci/digest.ts'
import { repositoryPathOf } from '../../oci/repository-name.ts'
import type { ImageStream, SpecTag } from './spec.ts'

/** The registry that this server provides. */
export interface OwnRegistry {
  /** False where an external registry replaces the integrated one. */
  readonly isIntegrated: boolean
  /** `host[:port]` under which clients reach it. */
  readonly host: () => string
}

/**
 * Returns the repository that a stream's images can be pulled from. The integrated registry pulls imported images
 * through; an external registry has only the images that were pushed to it.
 */
export const pullRepositoryOf = (
  stream: Pick<ImageStream, 'namespace' | 'name' | 'dockerImageRepository'>,
  { isIntegrated, host }: OwnRegistry,
): string => (isIntegrated ? null : stream.dockerImageRepository) ?? `${host()}/${repositoryPathOf(stream)}`

/**
 * Returns the pull spec of a tag's image for clients: with the reference policy `Local` the integrated registry's, by
 * digest. `localRepository` is null where the integrated registry does not serve the stream.
 */
export const pullSpecOf = (
  image: { readonly digest: Digest; readonly dockerImageReference: string },
  policy: SpecTag['referencePolicy'] | undefined,
  localRepository: string | null,
): string =>
  policy === 'Local' && localRepository !== null
    ? `${localRepository}@${image.digest}`
    : image.dockerImageReference
