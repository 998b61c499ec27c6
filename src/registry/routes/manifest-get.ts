import type { Digest } from '../../oci/digest.ts'
import type { LinkedManifest, Repository } from '../content/content.ts'
import { BODY_ENCODING, createManifestCache, type ServedManifest } from '../content/manifest-cache.ts'
import { type ManifestReference, parseManifestReference } from '../content/manifest-reference.ts'
import { isStorageFull } from '../protocol/error-mapping.ts'
import { OciError } from '../protocol/errors.ts'
import { matchesEtag } from '../protocol/etag.ts'
import type { Handler, RegistryExchange } from '../protocol/exchange.ts'
import { formatRepositoryName, type RepositoryName } from '../protocol/repository-name.ts'
import type { RouteDependencies } from './dependencies.ts'

export type ManifestGetDependencies = Pick<
  RouteDependencies,
  'db' | 'content' | 'streams' | 'pullThrough' | 'limits' | 'now'
>

/**
 * Handles GET and HEAD of `/v2/<name>/manifests/<reference>`, the most frequent requests: one statement for the
 * repository and one for its manifest; bytes and headers are cached. Source: OCI distribution-spec, pulling manifests.
 */
export function createManifestGet(deps: ManifestGetDependencies): Handler<[reference: string]> {
  const { db, content, streams, pullThrough, limits, now } = deps
  const served = createManifestCache(content)

  const find = (repository: Repository, { tag, digest }: ManifestReference): LinkedManifest | undefined =>
    tag === undefined ? content.manifest(repository.id, digest) : content.manifestOfTag(repository, tag)

  /** Extends the manifest's lease. Returns false if the repository no longer has the manifest. */
  const confirm = async (repositoryId: number, digest: Digest, at: number): Promise<boolean> => {
    try {
      return await db.transactTogether((tx) => content.confirmManifest(tx, repositoryId, digest, at), {
        patient: false,
      })
    } catch (error) {
      // a full disk can still be read, and garbage collection cannot delete rows either
      if (isStorageFull(error)) return true
      throw error
    }
  }

  const confirmAndSend = async (
    exchange: RegistryExchange,
    id: number,
    manifest: LinkedManifest,
    at: number,
  ) => {
    if (!(await confirm(id, manifest.digest, at))) throw unknown(exchange.repository, manifest.digest)
    send(exchange, served(manifest))
  }

  const pull = async (exchange: RegistryExchange, reference: ManifestReference): Promise<void> => {
    const name = reference.tag ?? reference.digest
    const manifest = await pullThrough?.manifest(exchange.repository, name)
    if (!manifest) throw unknown(exchange.repository, name)
    send(exchange, served(manifest))
  }

  const unknown = (repository: RepositoryName, reference: string): OciError => {
    const name = formatRepositoryName(repository)
    const message = streams.hasImage(repository, reference)
      ? `tag "${reference}" of "${name}" is imported and its image is not stored here: pull it from its source ` +
        'registry, or set the referencePolicy of the tag to Local'
      : `there is no manifest "${reference.slice(0, 200)}" in "${name}"`
    return new OciError('MANIFEST_UNKNOWN', message)
  }

  return (exchange, text) => {
    const reference = parseManifestReference(text)
    if (!reference) throw unknown(exchange.repository, text)
    const repository = content.repository(exchange.repository)
    const manifest = repository && find(repository, reference)
    if (!manifest) return pull(exchange, reference)
    const at = now()
    // a write for each read would make reads as slow as writes
    if (at - manifest.confirmedAt > limits.lease / 2) {
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
