import type { Digest } from '../../oci/digest.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { Repository } from '../content/content.ts'
import { createPushTargets } from '../content/push-target.ts'
import type { RegistryExchange } from '../protocol/exchange.ts'
import type { RouteDependencies } from './dependencies.ts'

/**
 * Creates the function that links a blob of another repository, without copying it. The function
 * resolves to false if no such blob exists. Source: OCI distribution-spec, mounting a blob from another repository.
 */
export function createMount(dependencies: RouteDependencies) {
  const { db, content, isIntact, now } = dependencies
  const targets = createPushTargets(dependencies)

  /** Returns the repository that the client wrote; undefined unless the viewer may pull from it, whether or not it exists. */
  const named = ({ viewer }: RegistryExchange, digest: Digest, from: string): Repository | undefined => {
    const name = repositoryNameOf(from)
    // before any lookup, whose duration would reveal what the repository has
    const repository = name && viewer.rights.may('pull', name) && content.repository(name)
    return repository && content.blob(repository.id, digest) ? repository : undefined
  }

  /**
   * Returns any repository that has the blob, if the viewer sees all repositories. For others the duration of the lookup
   * would reveal that a repository has it.
   */
  const any = ({ viewer }: RegistryExchange, digest: Digest): Repository | undefined =>
    viewer.rights.scopes.length === 0 ? content.readableSource(viewer, digest) : undefined

  return async (exchange: RegistryExchange, digest: Digest): Promise<boolean> => {
    const from = exchange.query.get('from')
    const source = from === null ? any(exchange, digest) : named(exchange, digest, from)
    const found = source && content.blob(source.id, digest)
    if (!source || !found || !(await isIntact(digest, found.size))) return false
    return db.transactTogether((tx) => {
      // it may have been deleted there since the lookup
      const blob = content.blob(source.id, digest)
      if (!blob) return false
      const at = now()
      const { id } = targets.ensure(tx, exchange.viewer, exchange.repository, at)
      content.linkBlob(tx, { repositoryId: id, digest, size: blob.size, at })
      return true
    })
  }
}
