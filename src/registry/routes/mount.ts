import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Content, Repository } from '../content/content.ts'
import { OciError } from '../protocol/errors.ts'
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts'

export interface MountRequest {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** The repository to take it from, as the client wrote it; null leaves the choice to us. */
  readonly from: string | null
  /** What the caller may pull: a blob of any other repository is none to it. */
  readonly mayPull: (name: RepositoryName) => boolean
}

export interface MountDependencies {
  readonly db: Database
  readonly content: Content
  readonly now: () => number
}

/**
 * Links a blob of another repository, no byte is copied. Whether it was there to be linked.
 * Source: OCI distribution-spec, mounting a blob from another repository.
 */
export type Mount = (request: MountRequest) => Promise<boolean>

export function createMount({ db, content, now }: MountDependencies): Mount {
  const sources = (digest: Digest, from: string | null): readonly Repository[] => {
    if (from === null) return content.repositoriesOfBlob(digest)
    const name = repositoryNamed(from)
    const repository = name && content.repository(name)
    return repository && content.blob(repository.id, digest) ? [repository] : []
  }

  return async ({ repository, digest, from, mayPull }) => {
    const source = sources(digest, from).find(mayPull)
    if (!source) return false
    return db.transactTogether(
      (tx) => {
        // it may have been deleted there meanwhile
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

/** Undefined for what cannot be a repository: nothing can be mounted from there, like from any that is not there. */
function repositoryNamed(path: string): RepositoryName | undefined {
  try {
    return parseRepositoryName(path)
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}
