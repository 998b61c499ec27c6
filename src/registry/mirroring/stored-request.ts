import type { imageMirrorings } from '../../db/tables/index.ts'
import { parseReference } from '../../oci/reference.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import {
  formatPlace,
  formatSource,
  type ImageMirroring,
  isOneImage,
  isRepository,
  type MirroringOptions,
  type MirroringRequest,
  type RepositoryReference,
} from './mirroring.ts'

type Row = typeof imageMirrorings.$inferSelect

/** Options as they are stored. */
interface StoredOptions extends MirroringOptions {
  /** The source of several images is a stream of this server. */
  readonly ofStream?: true
}

/** Returns the columns of a request. */
export function columnsOf({ namespace, destination, images, ...request }: MirroringRequest) {
  const { platforms, includeReferrers, createRepository, insecure, resourceVersion } = request
  const ofStream = !isOneImage(images) && !isRepository(images.of)
  const options: StoredOptions = {
    ...{ platforms, includeReferrers, insecure, resourceVersion },
    ...(createRepository && { createRepository }),
    ...(ofStream && { ofStream }),
  }
  const toRepository = isRepository(destination) ? formatPlace(destination) : null
  return {
    namespace,
    imageStream: isRepository(destination) ? '' : destination.name,
    toRepository,
    tag: isOneImage(images) ? (images.tag ?? ('' as const)) : ('' as const),
    source: formatSource(images),
    tagPattern: isOneImage(images) ? null : images.pattern,
    options: JSON.stringify(options),
  }
}

/** Returns a stored request. */
export function requestOf({
  namespace,
  imageStream,
  toRepository,
  tag,
  source,
  tagPattern,
  options,
}: Row): MirroringRequest {
  const { ofStream = false, ...others } = JSON.parse(options) as StoredOptions
  const destination = toRepository === null ? { namespace, name: imageStream } : repositoryOf(toRepository)
  const images =
    tagPattern === null
      ? { source: parseReference(source), tag: tag === '' ? null : tag }
      : { of: ofStream ? streamOf(source) : repositoryOf(source), pattern: tagPattern }
  return { namespace, destination, images, ...others }
}

function repositoryOf(text: string): RepositoryReference {
  const { registry, repository } = parseReference(text)
  return { registry, repository }
}

function streamOf(text: string): StreamName {
  const stream = repositoryNameOf(text)
  if (!stream) throw new Error(`"${text}" is not the name of a stream`)
  return stream
}

/** Returns a stored mirroring. */
export const mirroringOf = ({
  options,
  requestedBy: _requestedBy,
  listedAt: _listedAt,
  toRepository,
  ...row
}: Row): ImageMirroring => ({
  ...row,
  to: toRepository === null ? null : repositoryOf(toRepository),
  ofStream: (JSON.parse(options) as StoredOptions).ofStream ? streamOf(row.source) : null,
})
