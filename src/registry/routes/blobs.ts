import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { respond } from '../../request-body/respond.ts'
import { createTagsWithContent } from '../content/tags-with-content.ts'
import type { Handler, RegistryExchange } from '../protocol/exchange.ts'
import { etagOf, matchesEtag, parseRange } from '../protocol/headers.ts'
import { requireDigest } from '../protocol/reference.ts'
import type { BlobContent } from '../pull-through/pull-through.ts'
import type { RouteDependencies } from './dependencies.ts'
import { extendLease, isLeaseShort } from './leases.ts'

/** Handles GET and HEAD of a blob. Source: OCI distribution-spec, pulling blobs. */
export function createBlobGet(dependencies: RouteDependencies): Handler {
  const { db, content, blobs, isIntact, pullThrough, limits, now } = dependencies

  const confirm = async (repositoryId: number, digest: Digest, confirmedAt: number): Promise<boolean> => {
    const at = now()
    return (
      !isLeaseShort(limits, confirmedAt, at) ||
      (await extendLease(db, (tx) => content.confirmBlob(tx, repositoryId, digest, at)))
    )
  }

  /** Returns the repository's blob, or one that pull-through fetches. Throws OciError. */
  const find = async (
    { request, repository: name }: RegistryExchange,
    digest: Digest,
  ): Promise<BlobContent> => {
    const repository = content.repository(name)
    const linked = repository && content.blob(repository.id, digest)
    if (linked && (await confirm(repository.id, digest, linked.confirmedAt))) {
      if (request.method === 'HEAD' && (await isIntact(digest, linked.size))) return sizeOnly(linked.size)
      const blob = request.method === 'HEAD' ? undefined : await blobs.open(digest)
      if (blob?.size === linked.size) return blob
      await blob?.[Symbol.asyncDispose]()
      // without a row it was deleted and collected since the lookup
      if (blob === undefined && !content.blob(repository.id, digest)) throw unknownBlob(digest)
      if (request.method !== 'HEAD') await isIntact(digest, linked.size)
    }
    const remote = repository && pullThrough?.blob(repository, digest)
    if (!remote) throw unknownBlob(digest)
    return remote
  }

  const send = async (exchange: RegistryExchange, digest: Digest, blob: BlobContent): Promise<void> => {
    const { request, response } = exchange
    const { range: rangeHeader, 'if-range': ifRange } = request.headers
    const isGet = request.method === 'GET' && (ifRange === undefined || ifRange === etagOf(digest))
    const part = isGet ? parseRange(rangeHeader, blob.size) : undefined
    if (part === null) throw unsatisfiable(blob.size)
    const range = part ?? { start: 0, end: blob.size }
    const hasBody = request.method === 'GET' && range.start < range.end
    if (hasBody) await blob.ready?.()
    response.writeHead(part ? 206 : 200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': range.end - range.start,
      ...(part && { 'Content-Range': `bytes ${part.start}-${part.end - 1}/${blob.size}` }),
      ...validatorsOf(digest),
      'Accept-Ranges': 'bytes',
    })
    if (hasBody) {
      // a client that stops reading holds a file and a connection
      response.setTimeout(limits.idle, () => void response.destroy())
      await blob.send(range, response)
    }
    response.end()
  }

  return async (exchange) => {
    const digest = requireDigest(exchange.reference)
    await using blob = await find(exchange, digest)
    if (matchesEtag(exchange.request.headers['if-none-match'], digest)) {
      return respond(exchange.response, 304, validatorsOf(digest))
    }
    await send(exchange, digest, blob)
  }
}

/**
 * Handles DELETE of a blob; one of a protected tag's image stays. Source: OCI distribution-spec, deleting blobs.
 */
export function createBlobDelete({ db, content, streams }: RouteDependencies): Handler {
  const tagsWith = createTagsWithContent(db)
  return async ({ viewer, repository: name, reference, response }) => {
    const digest = requireDigest(reference)
    const isDeleted = await db.transactTogether((tx) => {
      const repository = content.repository(name)
      if (!repository || !content.unlinkBlob(tx, repository.id, digest)) return false
      const { streamId } = repository
      if (streamId !== null) streams.requireRemovable(viewer, streamId, () => tagsWith(repository, digest))
      streams.recordDeletion(tx, viewer, { action: 'deleteBlob', repository: name, reference: digest })
      return true
    })
    if (!isDeleted) throw unknownBlob(digest)
    respond(response, 202)
  }
}

/** Returns the error for a blob that does not exist, or exists only in other repositories. */
const unknownBlob = (digest: Digest): OciError =>
  new OciError('BLOB_UNKNOWN', 'this repository has no such blob', { detail: { digest } })

const unsatisfiable = (size: number): OciError =>
  new OciError('SIZE_INVALID', `the range is outside of the blob, which has ${size} bytes`, {
    status: 416,
    headers: { 'Content-Range': `bytes */${size}` },
  })

const validatorsOf = (digest: Digest) => ({ 'Docker-Content-Digest': digest, ETag: etagOf(digest) })

/** Returns the content for a response to HEAD, which needs no open file. */
const sizeOnly = (size: number): BlobContent => ({
  size,
  async send() {
    throw new TypeError('this blob was opened for its size only')
  },
  async [Symbol.asyncDispose]() {},
})
