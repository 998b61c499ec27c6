import type { OutgoingHttpHeaders } from 'node:http'
import { NamespaceRuleError } from '../../access/right/errors.ts'
import { UploadBusyError, UploadTooLargeError } from '../../blobs/errors.ts'
import { algorithmOf, type Digest, type DigestAlgorithm, parseDigest } from '../../oci/digest.ts'
import { OciError } from '../../oci/oci-error.ts'
import { overBudget } from '../../request-body/errors.ts'
import { bodyLength } from '../../request-body/read-body.ts'
import { ignoreBody, respond } from '../../request-body/respond.ts'
import { createPushTargets } from '../content/push-target.ts'
import type { Handler, RegistryExchange } from '../protocol/exchange.ts'
import { parseContentRange } from '../protocol/headers.ts'
import { UPLOAD_MEMORY } from '../protocol/limits.ts'
import { requireDigestParameter } from '../protocol/reference.ts'
import type { RouteDependencies } from './dependencies.ts'
import { createMount } from './mount.ts'
import { createOwnUploads, type OwnUpload } from './own-uploads.ts'

/** Creates the handlers of uploads. Source: OCI distribution-spec, pushing blobs. */
export function createUploadRoutes(dependencies: RouteDependencies) {
  const { db, content, blobs, limits, now } = dependencies
  const mount = createMount(dependencies)
  const targets = createPushTargets(dependencies)
  const uploads = createOwnUploads(blobs)

  const find = (exchange: RegistryExchange): Promise<OwnUpload> =>
    uploads.find(scopeOf(exchange), exchange.reference)

  /** Appends the request's body. Throws when its Content-Range does not follow the bytes received so far. */
  const receive = async (exchange: RegistryExchange, one: OwnUpload): Promise<void> => {
    const { request, memory, repository, query } = exchange
    const { upload } = one
    if (upload.isBusy) throw new UploadBusyError()
    checkRange(exchange, one)
    const length = bodyLength(request)
    if (length === 0) return
    const maxSize = limits.maximumBlobBytes
    if (upload.size + (length ?? 0) > maxSize) throw new UploadTooLargeError()
    if (!memory.hold(UPLOAD_MEMORY)) throw overBudget()
    const { namespace } = repository
    const digest = parseDigest(query.get('digest') ?? '') ?? null
    // with those that arrive at the same time: together they must fit
    const require = (bytes: number): void =>
      content.requireRoom(namespace, digest, blobs.unfinishedBytes(namespace) + bytes)
    try {
      require(length ?? 0)
      await upload.append(request, { maxSize, require })
    } catch (error) {
      if (error instanceof NamespaceRuleError) {
        // otherwise their bytes would be on the disk, beyond the quota, for a day
        await upload.discard()
        await blobs.discardIdle(namespace, limits.abandoned)
      }
      throw error
    }
  }

  const commit = async (exchange: RegistryExchange, { upload }: OwnUpload, digest: Digest): Promise<void> => {
    const { viewer, repository } = exchange
    await upload.commit(digest, (size) =>
      db.transactTogether((tx) => {
        const at = now()
        const { id } = targets.ensure(tx, viewer, repository, at)
        content.linkBlob(tx, { repositoryId: id, digest, size, at })
      }),
    )
    respondCreated(exchange, digest)
  }

  const storeWhole = async (exchange: RegistryExchange, digest: Digest): Promise<void> => {
    if ((bodyLength(exchange.request) ?? 0) > limits.maximumBlobBytes) throw new UploadTooLargeError()
    const one = await uploads.start(scopeOf(exchange), algorithmOf(digest))
    try {
      await receive(exchange, one)
      await commit(exchange, one, digest)
    } catch (error) {
      // no client knows its id, so no client can continue it
      await one.upload.discard()
      throw error
    }
  }

  /** Handles POST: mounts a blob, stores one in a single request, or starts an upload. */
  const start: Handler = async (exchange) => {
    const { viewer, repository, query, request, response } = exchange
    targets.require(viewer, repository)
    if (query.has('mount')) {
      const digest = requireDigestParameter(query, 'mount')
      if (await mount(exchange, digest)) {
        ignoreBody(request, response)
        return respondCreated(exchange, digest)
      }
    }
    if (query.has('digest')) return storeWhole(exchange, requireDigestParameter(query, 'digest'))
    ignoreBody(request, response)
    respond(response, 202, progressOf(exchange, await uploads.start(scopeOf(exchange), algorithmIn(query))))
  }

  /** Handles GET: reports the bytes received so far. */
  const status: Handler = async (exchange) =>
    respond(exchange.response, 204, progressOf(exchange, await find(exchange)))

  /** Handles PATCH: appends a chunk, or a stream of unknown length. */
  const append: Handler = async (exchange) => {
    const one = await find(exchange)
    await receive(exchange, one)
    respond(exchange.response, 202, progressOf(exchange, one))
  }

  /** Handles PUT: appends the body, if any, and stores the blob. */
  const finish: Handler = async (exchange) => {
    const digest = requireDigestParameter(exchange.query, 'digest')
    const one = await find(exchange)
    await receive(exchange, one)
    await commit(exchange, one, digest)
  }

  /** Handles DELETE. */
  const cancel: Handler = async (exchange) => {
    const { upload } = await find(exchange)
    await upload.discard()
    respond(exchange.response, 204)
  }

  return { start, status, append, finish, cancel }
}

const scopeOf = ({ viewer, repository }: RegistryExchange) => ({ principal: viewer.id, repository })

function progressOf({ base }: RegistryExchange, { id, upload }: OwnUpload): OutgoingHttpHeaders {
  return {
    Location: `${base}/blobs/uploads/${id}`,
    // offset of the last byte; the header has no form for an empty upload
    Range: `0-${Math.max(upload.size - 1, 0)}`,
    'Docker-Upload-UUID': id,
  }
}

function respondCreated({ response, base }: RegistryExchange, digest: Digest): void {
  respond(response, 201, {
    Location: `${base}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  })
}

/** Throws OciError for a chunk that does not follow the bytes received so far; the response has the right offset. */
function checkRange(exchange: RegistryExchange, one: OwnUpload): void {
  const { request } = exchange
  const { size } = one.upload
  const text = request.headers['content-range']
  if (text === undefined) return
  const range = parseContentRange(text)
  if (!range)
    throw new OciError(
      'BLOB_UPLOAD_INVALID',
      'Content-Range must be "first-last": the offsets of the first and the last byte',
    )
  const length = bodyLength(request)
  if (length !== range.end - range.start) {
    throw new OciError(
      'SIZE_INVALID',
      `Content-Range has ${range.end - range.start} bytes, and Content-Length is ${length ?? 'missing'}`,
    )
  }
  if (range.start !== size) {
    const message = `the next chunk must start at byte ${size}, not ${range.start}`
    throw new OciError('BLOB_UPLOAD_INVALID', message, { status: 416, headers: progressOf(exchange, one) })
  }
}

function algorithmIn(query: URLSearchParams): DigestAlgorithm {
  const algorithm = query.get('digest-algorithm') ?? 'sha256'
  if (algorithm === 'sha256' || algorithm === 'sha512') return algorithm
  throw new OciError('DIGEST_INVALID', '"digest-algorithm" must be sha256 or sha512')
}
