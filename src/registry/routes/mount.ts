import type { Digest } from '../../oci/digest.ts'
import type { Repository } from '../content/content.ts'
import { type RepositoryName, repositoryNameOf } from '../protocol/repository-name.ts'
import type { RouteDependencies } from './dependencies.ts'

export interface MountRequest {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** The source repository, as the client wrote it; null for any that has the blob. */
  readonly from: string | null
  /** Reports whether the caller may pull from a repository; blobs of other repositories are not mounted. */
  readonly mayPull: (name: RepositoryName) => boolean
}

/**
 * Links a blob of another repository without copying bytes. Resolves to false if no such blob exists.
 * Source: OCI distribution-spec, mounting a blob from another repository.
 */
export type Mount = (request: MountRequest) => Promise<boolean>

export function createMount({ db, content, now }: Pick<RouteDependencies, 'db' | 'content' | 'now'>): Mount {
  const sources = (digest: Digest, from: string | null): readonly Repository[] => {
    if (from === null) return content.repositoriesOfBlob(digest)
    const name = repositoryNameOf(from)
    const repository = name && content.repository(name)
    return repository && content.blob(repository.id, digest) ? [repository] : []
  }

  return async ({ repository, digest, from, mayPull }) => {
    const source = sources(digest, from).find(mayPull)
    if (!source) return false
    return db.transactTogether(
      (tx) => {
        // it may have been deleted there since the lookup
        const blob = content.blob(source.id, digest)
        if (!blob) return false
        const at = now()
        const { id } = content.ensureRepository(tx, repository, at)
        content.linkBlob(tx, { repositoryId: id, digest, size: blob.size, at })
        return true
      },
      { patient: false },
    )
  }
}
