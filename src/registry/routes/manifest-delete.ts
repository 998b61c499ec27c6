import type { Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { respond } from '../../request-body/respond.ts'
import { createTagsWithContent } from '../content/tags-with-content.ts'
import type { Handler } from '../protocol/exchange.ts'
import { type ManifestReference, parseManifestReference } from '../protocol/reference.ts'
import type { RouteDependencies } from './dependencies.ts'

/**
 * Handles `DELETE /v2/<name>/manifests/<reference>`. Deleting a tag removes the tag with its history. Deleting a manifest
 * also removes every tag that points to it; a part of a protected tag's image stays. A tag whose image is not in this repository is unknown here.
 * Source: OCI distribution-spec, content management.
 */
export function createManifestDelete({ db, content, streams }: RouteDependencies): Handler {
  const tagsWith = createTagsWithContent(db)
  // lookup and removal share a transaction: a push of the same tag comes before or after both
  const remove = (
    tx: Transaction,
    viewer: Viewer,
    name: StreamName,
    { tag, digest }: ManifestReference,
  ): boolean => {
    const repository = content.repository(name)
    if (!repository) return false
    const { id, streamId } = repository
    const recordDeletion = (): void =>
      streams.recordDeletion(tx, viewer, {
        action: 'deleteManifest',
        repository: name,
        reference: tag ?? digest,
      })
    if (tag !== undefined) {
      if (!content.manifestOfTag(repository, tag)) return false
      if (streamId !== null) streams.removeTags(tx, viewer, streamId, [tag])
      recordDeletion()
      return true
    }
    const manifest = content.manifest(id, digest)
    if (!manifest) return false
    if (streamId !== null) streams.requireRemovable(viewer, streamId, () => tagsWith(repository, digest))
    const tags = streamId === null ? [] : streams.tagsOfImage(streamId, manifest.imageId)
    if (streamId !== null && tags.length > 0) streams.removeTags(tx, viewer, streamId, tags)
    recordDeletion()
    return content.removeManifest(tx, id, digest)
  }

  return async ({ viewer, repository, reference: text, response }) => {
    const reference = parseManifestReference(text)
    if (reference && (await db.transactTogether((tx) => remove(tx, viewer, repository, reference)))) {
      return respond(response, 202)
    }
    const name = formatRepositoryName(repository)
    throw new OciError(
      'MANIFEST_UNKNOWN',
      `there is no manifest "${text.slice(0, 200)}" in "${name}" to delete`,
    )
  }
}
