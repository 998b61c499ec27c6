import type { Database } from '../../db/open.ts'
import type { Content, Repository } from '../content/content.ts'
import { type ManifestReference, parseManifestReference } from '../content/manifest-reference.ts'
import type { StreamSink } from '../content/stream-sink.ts'
import { OciError } from '../protocol/errors.ts'
import { answer, type Handler } from '../protocol/exchange.ts'
import { formatRepositoryName } from '../protocol/repository-name.ts'

export interface ManifestDeleteDependencies {
  readonly db: Database
  readonly content: Content
  readonly sink: StreamSink
}

/**
 * `DELETE /v2/<name>/manifests/<reference>`. A tag goes alone, with its history; a manifest goes with every tag that means
 * it now. Tags whose images are not in this repository are not its own: they are left alone, and unknown here.
 * Source: OCI distribution-spec, content management.
 */
export function createManifestDelete(deps: ManifestDeleteDependencies): Handler<[reference: string]> {
  const { db, content, sink } = deps

  return async (exchange, text) => {
    const reference = parseManifestReference(text)
    const name = formatRepositoryName(exchange.repository)
    const unknown = () =>
      new OciError('MANIFEST_UNKNOWN', `there is no manifest "${text.slice(0, 200)}" in "${name}" to delete`)
    if (!reference) throw unknown()

    const remove = (): Promise<boolean> =>
      db.transactTogether(
        (tx) => {
          // looked up where nothing can come between: a push of the same tag is before or after, as a whole
          const repository = content.repository(exchange.repository)
          if (!repository) return false
          const manifest = find(repository, reference)
          if (!manifest) return false
          const { id, streamId } = repository
          const tags = reference.tag ? [reference.tag] : tagsOf(repository, manifest.imageId)
          if (streamId !== null && tags.length > 0) sink.untagged(tx, streamId, tags)
          return reference.tag !== undefined || content.removeManifest(tx, id, reference.digest)
        },
        { patient: false },
      )
    const find = (repository: Repository, { tag, digest }: ManifestReference) =>
      tag === undefined ? content.manifest(repository.id, digest) : content.manifestOfTag(repository, tag)
    const tagsOf = ({ streamId }: Repository, imageId: number) =>
      streamId === null ? [] : content.tagsOfImage(streamId, imageId)

    if (!(await remove())) throw unknown()
    answer(exchange, 202)
  }
}
