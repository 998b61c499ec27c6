import type { Pool } from 'undici'
import { type Digest, type DigestAlgorithm, digestOf } from '../../src/oci/digest.ts'
import type { Content, Image, Index } from '../fixtures/random-image.ts'

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
}

/** A complete response. */
export class Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly bytes: Buffer

  constructor(status: number, headers: Answer['headers'], bytes: Buffer) {
    this.status = status
    this.headers = headers
    this.bytes = bytes
  }

  get text(): string {
    return this.bytes.toString()
  }

  /** The body's JSON. */
  get json(): unknown {
    return JSON.parse(this.text)
  }

  /** The code of an error body's first error. */
  get code(): string | undefined {
    return (this.json as { errors?: { code: string }[] }).errors?.[0]?.code
  }
}

/** The simplest client of a registry. */
export interface Client {
  /** Sends a request with the path unchanged. */
  send(method: string, path: string, sent?: Sent): Promise<Answer>
  get(path: string, headers?: Sent['headers']): Promise<Answer>
  head(path: string, headers?: Sent['headers']): Promise<Answer>
  put(path: string, body: Sent['body'], headers?: Sent['headers']): Promise<Answer>
  delete(path: string): Promise<Answer>

  /** The Location of a new upload. */
  startUpload(repository: string, query?: string): Promise<string>
  /** Pushes a blob, by default under its sha256. */
  pushBlob(repository: string, bytes: string | Uint8Array, algorithm?: DigestAlgorithm): Promise<Digest>
  /** Puts a manifest, by its sha256 unless a reference is given. */
  putManifest(
    repository: string,
    manifest: Pick<Content, 'bytes' | 'mediaType'>,
    reference?: string,
  ): Promise<Answer>
  /** Pushes an image or an index with all its parts; children by digest. Throws if a request is refused. */
  push(repository: string, image: Image | Index, reference?: string): Promise<Answer>
}

export function clientOf(pool: Pool): Client {
  const send: Client['send'] = async (method, path, { headers = {}, body } = {}) => {
    const response = await pool.request({
      method: method as 'GET',
      path,
      headers,
      ...(body !== undefined && { body: body as Buffer }),
    })
    const bytes = Buffer.from(await response.body.arrayBuffer())
    return new Answer(response.statusCode, response.headers as Answer['headers'], bytes)
  }
  const expectStatus = async (sending: Promise<Answer>, status: number): Promise<Answer> => {
    const response = await sending
    if (response.status !== status)
      throw new Error(`${response.status} in place of ${status}: ${response.text}`)
    return response
  }
  const put: Client['put'] = (path, body, headers) =>
    send('PUT', path, { ...(headers && { headers }), ...(body !== undefined && { body }) })
  const pushBlob: Client['pushBlob'] = async (repository, bytes, algorithm = 'sha256') => {
    const digest = digestOf(bytes, algorithm)
    const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`
    await expectStatus(send('POST', path, { body: bytes }), 201)
    return digest
  }
  const putManifest: Client['putManifest'] = (repository, { bytes, mediaType }, reference) =>
    put(`/v2/${repository}/manifests/${reference ?? digestOf(bytes)}`, bytes, { 'content-type': mediaType })
  const push: Client['push'] = async (repository, image, reference = image.digest) => {
    if (image.kind === 'index') for (const child of image.manifests) await push(repository, child)
    else for (const { bytes } of [image.config, ...image.layers]) await pushBlob(repository, bytes)
    return expectStatus(putManifest(repository, image, reference), 201)
  }
  return {
    send,
    get: (path, headers) => send('GET', path, headers && { headers }),
    head: (path, headers) => send('HEAD', path, headers && { headers }),
    put,
    delete: (path) => send('DELETE', path),
    async startUpload(repository, query = '') {
      const { headers } = await expectStatus(send('POST', `/v2/${repository}/blobs/uploads/${query}`), 202)
      return headers.location ?? ''
    },
    pushBlob,
    putManifest,
    push,
  }
}
