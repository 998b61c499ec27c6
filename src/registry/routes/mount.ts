import type { Digest } from '../../oci/digest.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { Repository } from '../content/content.ts'
import type { RegistryExchange } from '../protocol/exchange.ts'
import type { RouteDependencies } from './dependencies.ts'

/**
 * Returns a function that links a blob of another repository, from which the caller may pull, without copying bytes. It
 * resolves to false if no such blob exists. Source: OCI distribution-spec, mounting a blob from another repository.
 */
export function createMount({ db, content, now }: RouteDependencies) {
  /** Returns the repository that the client wrote, or for null any that has the blob. */
  const sources = (digest: Digest, from: string | null): readonly Repository[] => {
    if (from === null) return content.repositoriesOfBlob(digest)
    const name = repositoryNameOf(from)
    const repository = name && content.repository(name)
    return repository && content.blob(repository.id, digest) ? [repository] : []
  }

  return async ({ repository, query, mayPull }: RegistryExchange, digest: Digest): Promise<boolean> => {
    const source = sources(digest, query.get('from')).find(mayPull)
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
