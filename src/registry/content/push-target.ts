import type { Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Content, Repository } from './content.ts'
import type { RegistryStreams } from './registry-streams.ts'

interface PushTargetDependencies {
  readonly content: Pick<Content, 'ensureRepository'>
  readonly streams: Pick<RegistryStreams, 'exists'>
}

/** Creates the checks of the repository that content is written to: the right to push does not suffice to create one. */
export function createPushTargets({ content, streams }: PushTargetDependencies) {
  /** Throws OciError for a repository without a stream, unless the viewer may create streams of its name. */
  const require = (viewer: Viewer, repository: StreamName): void => {
    if (viewer.rights.may('create', repository) || streams.exists(repository)) return
    const message = `there is no repository "${formatRepositoryName(repository)}", and you may not create it`
    throw new OciError('DENIED', message)
  }
  return {
    require,
    /** Returns the repository, which is created if it does not exist. Throws as `require`. */
    ensure(tx: Transaction, viewer: Viewer, repository: StreamName, at: number): Repository {
      require(viewer, repository)
      return content.ensureRepository(tx, repository, at)
    },
  }
}
