import { requireInNamespace, requireRight, type Viewer } from '../../access/right/viewer.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { RegistryStreams } from '../content/registry-streams.ts'
import {
  isOneImage,
  isRepository,
  type MirroredImage,
  type MirroringRequest,
  type RepositoryReference,
} from './mirroring.ts'
import type { ImageSources } from './source.ts'

interface MirroringRightsDependencies {
  readonly streams: Pick<RegistryStreams, 'exists'>
  readonly sources: Pick<ImageSources, 'isOwn'>
}

/**
 * Returns a function that throws ForbiddenError, UnauthenticatedError or NotFoundError unless the viewer may import into the
 * stream, and create it where it does not exist, or use the namespace's credentials for another registry; and pull from a
 * source in this registry. `image` is one of several that are copied.
 */
export const createMirroringRights =
  ({ streams, sources }: MirroringRightsDependencies) =>
  (viewer: Viewer, request: MirroringRequest, image?: MirroredImage): void => {
    const { namespace, destination, insecure } = request
    const source = image?.source ?? sourceOf(request)
    const own = isRepository(source)
      ? sources.isOwn(source.registry) && repositoryNameOf(source.repository)
      : source
    if (isRepository(destination)) requireInNamespace(viewer, 'credentials', namespace)
    else requireRight(viewer, 'import', destination)
    if (own) requireRight(viewer, 'pull', own)
    else if (insecure) requireInNamespace(viewer, 'credentials', namespace)
    if (!isRepository(destination) && !streams.exists(destination))
      requireRight(viewer, 'create', destination)
  }

const sourceOf = ({ images }: MirroringRequest): StreamName | RepositoryReference =>
  isOneImage(images) ? images.source : images.of
