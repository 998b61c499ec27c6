import type { Digest } from '../../oci/digest.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Repository } from '../content/content.ts'
import type { RouteDependencies } from './dependencies.ts'

interface MountRequest {
  readonly repository: StreamName
  readonly digest: Digest
  /** The source repository, as the client wrote it; null for any that has the blob. */
  readonly from: string | null
  /** Reports whether the caller may pull from a repository; blobs of other repositories are not mounted. */
  readonly mayPull: (name: StreamName) => boolean
}

/**
 * Returns a function that links a blob of another repository without copying bytes, and resolves to false if no such
 * blob exists. Source: OCI distribution-spec, mounting a blob from another repository.
 */
export function createMount({ db, content, now }: RouteDependencies) {
  const sources = (digest: Digest, from: string | null): readonly Repository[] => {
    if (from === null) return content.repositoriesOfBlob(digest)
    const name = repositoryNameOf(from)
    const repository = name && content.repository(name)
    return repository && content.blob(repository.id, digest) ? [repository] : []
  }

  return async ({ repository, digest, from, mayPull }: MountRequest): Promise<boolean> => {
    const source = sources(digest, from).find(mayPull)
    if (!source) return false
    return db.transactTogether((tx) => {
      // it may have been deleted there since the lookup
      const blob = content.blob(source.id, digest)
      if (!blob) return false
      const at = now()
      const { id } = content.ensureRepository(tx, repository, at)
      content.linkBlob(tx, { repositoryId: id, digest, size: blob.size, at })
      return true
    })
  }
}
