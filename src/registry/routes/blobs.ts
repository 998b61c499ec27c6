import type { BlobStore, ByteRange } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import type { Content } from '../content/content.ts'
import { parseRange } from '../protocol/byte-range.ts'
import { OciError } from '../protocol/errors.ts'
import { etagOf, matchesEtag } from '../protocol/etag.ts'
import { answer, type Exchange, type Handler } from '../protocol/exchange.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { isStorageFull } from '../protocol/storage-full.ts'
import type { BlobContent, PullThrough } from '../pull-through/pull-through.ts'

export interface BlobsDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: BlobStore
  readonly pullThrough: PullThrough | undefined
  readonly limits: Pick<RegistryLimits, 'lease' | 'idle'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Blobs on their way out. Source: OCI distribution-spec, pulling blobs, deleting blobs. */
export interface Blobs {
  /** GET and HEAD. */
  readonly get: Handler<[digest: string]>
  readonly delete: Handler<[digest: string]>
}

export function createBlobs(dependencies: BlobsDependencies): Blobs {
  const { db, content, blobs, pullThrough, limits, now } = dependencies

  /** Notes that a client was told of it, unless that was noted not long ago. Whether the repository still has it. */
  const confirm = async (repositoryId: number, digest: Digest, confirmedAt: number): Promise<boolean> => {
    const at = now()
    if (confirmedAt >= at - limits.lease / 2) return true
    try {
      return await db.transactTogether((tx) => content.confirmBlob(tx, repositoryId, digest, at), {
        patient: false,
      })
    } catch (error) {
      // what is here can be read from a full disk as well
      if (isStorageFull(error)) return true
      throw error
    }
  }

  /** The blob as the repository has it, or gets it from where its stream imports from. Throws OciError. */
  const find = async ({ request, repository: name }: Exchange, digest: Digest): Promise<BlobContent> => {
    const repository = content.repository(name)
    const linked = repository && content.blob(repository.id, digest)
    if (linked && (await confirm(repository.id, digest, linked.confirmedAt))) {
      if (request.method === 'HEAD') return sizeOnly(linked.size)
      const blob = await blobs.open(digest)
      if (blob) return blob
      // deleted and collected since it was found; else its bytes are lost
      if (content.blob(repository.id, digest)) throw new Error(`the blob store has lost ${digest}`)
    }
    const remote = repository && (await pullThrough?.blob(repository, digest))
    if (!remote) throw unknownBlob(digest)
    return remote
  }

  const sendTo = async (exchange: Exchange, digest: Digest, blob: BlobContent): Promise<void> => {
    const { request, response } = exchange
    const { range: asked, 'if-range': ifRange } = request.headers
    const isGet = request.method === 'GET' && (ifRange === undefined || ifRange === etagOf(digest))
    const part = isGet ? parseRange(asked, blob.size) : undefined
    if (part === null) throw unsatisfiable(blob.size)
    const range = part ?? { start: 0, end: blob.size }
    const isSent = request.method === 'GET' && range.start < range.end
    if (isSent) await blob.ready?.()
    response.writeHead(part ? 206 : 200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': range.end - range.start,
      ...(part && { 'Content-Range': `bytes ${part.start}-${part.end - 1}/${blob.size}` }),
      ...validatorsOf(digest),
      'Accept-Ranges': 'bytes',
    })
    if (isSent) {
      // a reader that does not read: it holds a file and a connection
      response.setTimeout(limits.idle, () => void response.destroy())
      await blob.send(range, response)
    }
    response.end()
  }

  return {
    async get(exchange, reference) {
      const digest = digestOf(reference)
      await using blob = await find(exchange, digest)
      if (matchesEtag(exchange.request.headers['if-none-match'], digest)) {
        return answer(exchange, 304, validatorsOf(digest))
      }
      await sendTo(exchange, digest, blob)
    },

    async delete(exchange, reference) {
      const digest = digestOf(reference)
      const repository = content.repository(exchange.repository)
      const isDeleted =
        repository &&
        (await db.transactTogether((tx) => content.unlinkBlob(tx, repository.id, digest), { patient: false }))
      if (!isDeleted) throw unknownBlob(digest)
      answer(exchange, 202)
    },
  }
}

function digestOf(reference: string): Digest {
  if (isDigest(reference)) return reference
  throw new OciError('DIGEST_INVALID', 'a blob is asked for by its digest, sha256:… or sha512:…')
}

/** The same for a blob that nobody has and for one that only other repositories have. */
const unknownBlob = (digest: Digest): OciError =>
  new OciError('BLOB_UNKNOWN', 'this repository has no such blob', { detail: { digest } })

const unsatisfiable = (size: number): OciError =>
  new OciError('SIZE_INVALID', `the blob has ${size} bytes, none of them in this range`, {
    status: 416,
    headers: { 'Content-Range': `bytes */${size}` },
  })

const validatorsOf = (digest: Digest) => ({ 'Docker-Content-Digest': digest, ETag: etagOf(digest) })

/** A HEAD's answer needs no file to be opened. */
const sizeOnly = (size: number): BlobContent => ({
  size,
  async send(_range: ByteRange) {
    throw new TypeError('only the size of this blob was asked for')
  },
  async [Symbol.asyncDispose]() {},
})
