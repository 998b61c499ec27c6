import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Content, LinkedManifest, Repository } from '../content/content.ts'
import { BODY_ENCODING, createManifestCache, type ServedManifest } from '../content/manifest-cache.ts'
import { type ManifestReference, parseManifestReference } from '../content/manifest-reference.ts'
import { OciError } from '../protocol/errors.ts'
import { matchesEtag } from '../protocol/etag.ts'
import type { Exchange, Handler } from '../protocol/exchange.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { formatRepositoryName, type RepositoryName } from '../protocol/repository-name.ts'
import { isStorageFull } from '../protocol/storage-full.ts'
import type { PullThrough } from '../pull-through/pull-through.ts'

export interface ManifestGetDependencies {
  readonly db: Database
  readonly content: Content
  readonly pullThrough?: Pick<PullThrough, 'manifest'> | undefined
  readonly limits: Pick<RegistryLimits, 'lease'>
  readonly now: () => number
}

/**
 * `GET` and `HEAD` of `/v2/<name>/manifests/<reference>`: what registries are asked most. One statement for the
 * repository and one for its link; bytes and headers are kept. Source: OCI distribution-spec, pulling manifests.
 */
export function createManifestGet(deps: ManifestGetDependencies): Handler<[reference: string]> {
  const { db, content, pullThrough, limits, now } = deps
  const served = createManifestCache(content)

  const find = (repository: Repository, { tag, digest }: ManifestReference): LinkedManifest | undefined =>
    tag === undefined ? content.manifest(repository.id, digest) : content.manifestOfTag(repository, tag)

  /** Keeps for the lease what the client is about to be told is here; false when it has just been deleted. */
  const confirm = async (repositoryId: number, digest: Digest, at: number): Promise<boolean> => {
    try {
      return await db.transactTogether((tx) => content.confirmManifest(tx, repositoryId, digest, at), {
        patient: false,
      })
    } catch (error) {
      // reading goes on when nothing can be written: then nothing is collected either
      if (isStorageFull(error)) return true
      throw error
    }
  }

  const confirmAndSend = async (exchange: Exchange, id: number, manifest: LinkedManifest, at: number) => {
    if (!(await confirm(id, manifest.digest, at))) throw unknown(exchange.repository, manifest.digest)
    send(exchange, served(manifest))
  }

  const pull = async (exchange: Exchange, reference: ManifestReference): Promise<void> => {
    const name = reference.tag ?? reference.digest
    const manifest = await pullThrough?.manifest(exchange.repository, name)
    if (!manifest) throw unknown(exchange.repository, name)
    send(exchange, served(manifest))
  }

  const importedElsewhere = db.prepare<{ found: 1 }>(
    `select 1 as found from image_streams s join tags t on t.stream_id = s.id
     where s.namespace = ? and s.name = ? and t.name = ? and t.newest_image_id is not null`,
  )

  const unknown = (repository: RepositoryName, reference: string): OciError => {
    const name = formatRepositoryName(repository)
    const why = importedElsewhere.get(repository.namespace, repository.name, reference)
      ? `tag "${reference}" of "${name}" is imported, and its image is not here: pull it from the registry that it ` +
        'comes from, or give the tag the referencePolicy Local'
      : `there is no manifest "${reference.slice(0, 200)}" in "${name}"`
    return new OciError('MANIFEST_UNKNOWN', why)
  }

  return (exchange, text) => {
    const reference = parseManifestReference(text)
    if (!reference) throw unknown(exchange.repository, text)
    const repository = content.repository(exchange.repository)
    const manifest = repository && find(repository, reference)
    if (!manifest) return pull(exchange, reference)
    const at = now()
    // a write for each read would make reading as slow as writing
    if (at - manifest.confirmedAt > limits.lease / 2) {
      return confirmAndSend(exchange, repository.id, manifest, at)
    }
    send(exchange, served(manifest))
  }
}

function send({ request, response }: Exchange, { digest, body, ...served }: ServedManifest): void {
  if (matchesEtag(request.headers['if-none-match'], digest)) {
    response.writeHead(304, served.notModifiedHeaders).end()
    return
  }
  response.writeHead(200, served.headers)
  if (request.method === 'HEAD') response.end()
  else if (typeof body === 'string') response.end(body, BODY_ENCODING)
  else response.end(body)
}
