import type { Transaction } from '../../db/transact.ts'
import { type ManifestReference, parseManifestReference } from '../content/manifest-reference.ts'
import { OciError } from '../protocol/errors.ts'
import { type Handler, respond } from '../protocol/exchange.ts'
import { formatRepositoryName, type RepositoryName } from '../protocol/repository-name.ts'
import type { RouteDependencies } from './dependencies.ts'

export type ManifestDeleteDependencies = Pick<RouteDependencies, 'db' | 'content' | 'streams'>

/**
 * Handles `DELETE /v2/<name>/manifests/<reference>`. Deleting a tag removes the tag with its history. Deleting a manifest
 * also removes every tag that points to it. A tag whose image is not in this repository is unknown here.
 * Source: OCI distribution-spec, content management.
 */
export function createManifestDelete(deps: ManifestDeleteDependencies): Handler<[reference: string]> {
  const { db, content, streams } = deps

  // lookup and removal share a transaction: a push of the same tag comes before or after both
  const remove = (tx: Transaction, name: RepositoryName, { tag, digest }: ManifestReference): boolean => {
    const repository = content.repository(name)
    if (!repository) return false
    const { id, streamId } = repository
    if (tag !== undefined) {
      if (!content.manifestOfTag(repository, tag)) return false
      if (streamId !== null) streams.removeTags(tx, streamId, [tag])
      return true
    }
    const manifest = content.manifest(id, digest)
    if (!manifest) return false
    const tags = streamId === null ? [] : streams.tagsOfImage(streamId, manifest.imageId)
    if (streamId !== null && tags.length > 0) streams.removeTags(tx, streamId, tags)
    return content.removeManifest(tx, id, digest)
  }

  return async (exchange, text) => {
    const { repository } = exchange
    const reference = parseManifestReference(text)
    const isRemoved =
      reference && (await db.transactTogether((tx) => remove(tx, repository, reference), { patient: false }))
    if (!isRemoved) {
      const name = formatRepositoryName(repository)
      throw new OciError(
        'MANIFEST_UNKNOWN',
        `there is no manifest "${text.slice(0, 200)}" in "${name}" to delete`,
      )
    }
    respond(exchange, 202)
  }
}
