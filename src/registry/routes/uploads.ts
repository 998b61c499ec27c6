import type { OutgoingHttpHeaders } from 'node:http'
import { type BlobStore, type Upload, UploadBusyError, UploadTooLargeError } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import { algorithmOf, type Digest, type DigestAlgorithm } from '../../oci/digest.ts'
import { bodyLength } from '../../request-body/read-body.ts'
import type { Content } from '../content/content.ts'
import { parseContentRange } from '../protocol/content-range.ts'
import { digestIn } from '../protocol/digest-parameter.ts'
import { OciError } from '../protocol/errors.ts'
import { answer, type Exchange, type Handler } from '../protocol/exchange.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { unknownUpload } from '../protocol/refusal.ts'
import { formatRepositoryName, type RepositoryName } from '../protocol/repository-name.ts'
import { ignoreBody } from '../protocol/request-body.ts'
import type { Mount } from './mount.ts'

export interface UploadsDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: BlobStore
  readonly mount: Mount
  readonly limits: Pick<RegistryLimits, 'maximumBlobBytes'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Blobs on their way in. Source: OCI distribution-spec, pushing blobs. */
export interface Uploads {
  /** POST: mounts, takes a blob whole, or begins an upload. */
  start(exchange: Exchange, mayPull: (name: RepositoryName) => boolean): Promise<void>
  /** GET: how far it has come. */
  readonly status: Handler<[id: string]>
  /** PATCH: another chunk, or a stream of unknown length. */
  readonly append: Handler<[id: string]>
  /** PUT: perhaps the last chunk; then it is a blob. */
  readonly finish: Handler<[id: string]>
  /** DELETE. */
  readonly cancel: Handler<[id: string]>
}

const ID = /^[0-9a-f]{32}$/

export function createUploads(dependencies: UploadsDependencies): Uploads {
  const { db, content, blobs, mount, limits, now } = dependencies

  const find = async ({ repository }: Exchange, id: string): Promise<Upload> => {
    const upload = ID.test(id) ? await blobs.upload(formatRepositoryName(repository), id) : undefined
    if (!upload) throw unknownUpload()
    return upload
  }

  /** Takes the request's body, if it is what comes next. */
  const receive = async (exchange: Exchange, upload: Upload): Promise<void> => {
    const { request } = exchange
    if (upload.isBusy) throw new UploadBusyError()
    checkRange(exchange, upload)
    const length = bodyLength(request)
    if (length === 0) return
    const maxSize = limits.maximumBlobBytes
    if (upload.size + (length ?? 0) > maxSize) throw new UploadTooLargeError()
    await upload.append(request, { maxSize })
  }

  const commit = async (exchange: Exchange, upload: Upload, digest: Digest): Promise<void> => {
    const { repository } = exchange
    await upload.commit(digest, (size) =>
      db.transactTogether(
        (tx) => {
          const at = now()
          const { id } = content.ensureRepository(tx, repository, at)
          content.linkBlob(tx, { repositoryId: id, digest, size, at })
        },
        { patient: false },
      ),
    )
    answerCreated(exchange, digest)
  }

  const takeWhole = async (exchange: Exchange, digest: Digest): Promise<void> => {
    const { repository, request } = exchange
    if ((bodyLength(request) ?? 0) > limits.maximumBlobBytes) throw new UploadTooLargeError()
    const upload = await blobs.createUpload(formatRepositoryName(repository), algorithmOf(digest))
    try {
      await receive(exchange, upload)
      await commit(exchange, upload, digest)
    } catch (error) {
      // nobody was told its id, so nobody can go on with it
      await upload.discard()
      throw error
    }
  }

  return {
    async start(exchange, mayPull) {
      const { query, repository, request, response } = exchange
      if (query.has('mount')) {
        const digest = digestIn(query, 'mount')
        const isMounted = await mount({ repository, digest, from: query.get('from'), mayPull })
        if (isMounted) {
          ignoreBody(request, response)
          return answerCreated(exchange, digest)
        }
      }
      if (query.has('digest')) return takeWhole(exchange, digestIn(query, 'digest'))
      ignoreBody(request, response)
      const upload = await blobs.createUpload(formatRepositoryName(repository), algorithmIn(query))
      answer(exchange, 202, progressOf(exchange, upload))
    },

    async status(exchange, id) {
      answer(exchange, 204, progressOf(exchange, await find(exchange, id)))
    },

    async append(exchange, id) {
      const upload = await find(exchange, id)
      await receive(exchange, upload)
      answer(exchange, 202, progressOf(exchange, upload))
    },

    async finish(exchange, id) {
      const digest = digestIn(exchange.query, 'digest')
      const upload = await find(exchange, id)
      await receive(exchange, upload)
      await commit(exchange, upload, digest)
    },

    async cancel(exchange, id) {
      const upload = await find(exchange, id)
      await upload.discard()
      answer(exchange, 204)
    },
  }
}

function progressOf({ base }: Exchange, { id, size }: Upload): OutgoingHttpHeaders {
  return {
    Location: `${base}/blobs/uploads/${id}`,
    // the last byte that is here; there is no way to say that there is none
    Range: `0-${Math.max(size - 1, 0)}`,
    'Docker-Upload-UUID': id,
  }
}

function answerCreated(exchange: Exchange, digest: Digest): void {
  answer(exchange, 201, {
    Location: `${exchange.base}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  })
}

/** A chunk that does not follow on what is here changes nothing, and is told where to go on. */
function checkRange(exchange: Exchange, upload: Upload): void {
  const { request } = exchange
  const text = request.headers['content-range']
  if (text === undefined) return
  const range = parseContentRange(text)
  if (!range) throw new OciError('BLOB_UPLOAD_INVALID', 'Content-Range is "first-last", two bytes\' offsets')
  const length = bodyLength(request)
  if (length !== range.end - range.start) {
    throw new OciError(
      'SIZE_INVALID',
      `Content-Range says ${range.end - range.start} bytes, Content-Length ${length ?? 'nothing'}`,
    )
  }
  if (range.start !== upload.size) {
    throw new OciError('BLOB_UPLOAD_INVALID', `the next byte is number ${upload.size}, not ${range.start}`, {
      status: 416,
      headers: progressOf(exchange, upload),
    })
  }
}

function algorithmIn(query: URLSearchParams): DigestAlgorithm {
  const algorithm = query.get('digest-algorithm') ?? 'sha256'
  if (algorithm === 'sha256' || algorithm === 'sha512') return algorithm
  throw new OciError('DIGEST_INVALID', '"digest-algorithm" is sha256 or sha512')
}
