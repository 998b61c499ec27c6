import { OciError } from '../../oci/oci-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { createAttachmentTags } from '../content/attachment-tags.ts'
import type { LinkedManifest, Repository } from '../content/content.ts'
import { BODY_ENCODING, createManifestCache, type ServedManifest } from '../content/manifest-cache.ts'
import type { Handler, RegistryExchange } from '../protocol/exchange.ts'
import { matchesEtag } from '../protocol/headers.ts'
import { type ManifestReference, parseManifestReference } from '../protocol/reference.ts'
import type { RouteDependencies } from './dependencies.ts'
import { extendLease, isLeaseShort } from './leases.ts'

/**
 * Handles GET and HEAD of `/v2/<name>/manifests/<reference>`, the most frequent requests: one statement for the
 * repository and one for its manifest; bytes and headers are cached. Source: OCI distribution-spec, pulling manifests.
 */
export function createManifestGet(dependencies: RouteDependencies): Handler {
  const { db, content, streams, pullThrough, limits, now } = dependencies
  const served = createManifestCache(content)
  const attachmentOfTag = createAttachmentTags(db, content, now)

  const find = (repository: Repository, { tag, digest }: ManifestReference): LinkedManifest | undefined =>
    tag === undefined ? content.manifest(repository.id, digest) : content.manifestOfTag(repository, tag)

  const confirmAndSend = async (
    exchange: RegistryExchange,
    id: number,
    manifest: LinkedManifest,
    at: number,
  ) => {
    const { digest } = manifest
    const isThere = await extendLease(db, (tx) => content.confirmManifest(tx, id, digest, at))
    if (!isThere) throw unknown(exchange.repository, digest)
    send(exchange, served(manifest))
  }

  const pull = async (
    exchange: RegistryExchange,
    repository: Repository | undefined,
    reference: ManifestReference,
  ): Promise<void> => {
    const name = reference.tag ?? reference.digest
    const manifest =
      (await pullThrough?.manifest(exchange.repository, name)) ??
      (repository && reference.tag && (await attachmentOfTag(repository, reference.tag)))
    if (!manifest) throw unknown(exchange.repository, name)
    send(exchange, served(manifest))
  }

  const unknown = (repository: StreamName, reference: string): OciError => {
    const name = formatRepositoryName(repository)
    const message = streams.hasImage(repository, reference)
      ? `tag "${reference}" of "${name}" is imported and its image is not stored here: pull it from its source ` +
        'registry, or set the referencePolicy of the tag to Local'
      : `there is no manifest "${reference.slice(0, 200)}" in "${name}"`
    return new OciError('MANIFEST_UNKNOWN', message)
  }

  return (exchange) => {
    const reference = parseManifestReference(exchange.reference)
    if (!reference) throw unknown(exchange.repository, exchange.reference)
    const repository = content.repository(exchange.repository)
    const manifest = repository && find(repository, reference)
    if (!manifest) return pull(exchange, repository, reference)
    const at = now()
    if (isLeaseShort(limits, manifest.confirmedAt, at)) {
      return confirmAndSend(exchange, repository.id, manifest, at)
    }
    send(exchange, served(manifest))
  }
}

function send({ request, response }: RegistryExchange, { digest, body, ...served }: ServedManifest): void {
  if (matchesEtag(request.headers['if-none-match'], digest)) {
    response.writeHead(304, served.notModifiedHeaders).end()
    return
  }
  response.writeHead(200, served.headers)
  if (request.method === 'HEAD') response.end()
  else if (typeof body === 'string') response.end(body, BODY_ENCODING)
  else response.end(body)
}
