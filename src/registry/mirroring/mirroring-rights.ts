import { requireInNamespace, requireRight, type Viewer } from '../../access/right/viewer.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { RegistryStreams } from '../content/registry-streams.ts'
import type { MirroringRequest } from './mirroring.ts'
import type { ImageSources } from './source.ts'

interface MirroringRightsDependencies {
  readonly streams: Pick<RegistryStreams, 'exists'>
  readonly sources: Pick<ImageSources, 'isOwn'>
}

/**
 * Returns a function that throws ForbiddenError, UnauthenticatedError or NotFoundError unless the viewer may import into the
 * stream, create it where it does not exist, and pull from a source in this registry; for an insecure source, use the
 * namespace's credentials.
 */
export const createMirroringRights =
  ({ streams, sources }: MirroringRightsDependencies) =>
  (viewer: Viewer, { namespace, imageStream: name, source, insecure }: MirroringRequest): void => {
    const stream = { namespace, name }
    requireRight(viewer, 'import', stream)
    const own = sources.isOwn(source.registry) ? repositoryNameOf(source.repository) : undefined
    if (own) requireRight(viewer, 'pull', own)
    else if (insecure) requireInNamespace(viewer, 'credentials', namespace)
    if (!streams.exists(stream)) requireRight(viewer, 'create', stream)
  }
