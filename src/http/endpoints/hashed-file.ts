import { createHash } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

type Encoding = 'br' | 'gzip'

// eight megabytes of scripts take a second, and each level above takes twice as long for two percent less
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }
const COMPRESS: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, BROTLI),
  gzip: (bytes) => promisify(gzip)(bytes),
}

/** A file in memory, compressed by the first request for each encoding. */
export class HashedFile {
  /** Digest of the content for paths and `ETag`. */
  readonly hash: string
  readonly #type: string
  readonly #bytes: Buffer
  readonly #compressed = new Map<Encoding, Promise<Buffer>>()

  /** `type` is the content type. */
  constructor(type: string, text: string) {
    this.#type = type
    this.#bytes = Buffer.from(text)
    this.hash = createHash('sha256').update(this.#bytes).digest('base64url').slice(0, 20)
  }

  /** Responds with the file, or with 304 if the client has it; with 405 unless the method is GET or HEAD. */
  async respond(
    { method, headers }: IncomingMessage,
    response: ServerResponse,
    more: OutgoingHttpHeaders,
  ): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end()
      return
    }
    const encoding = encodingOf(headers['accept-encoding'])
    const etag = `"${this.hash}${encoding === undefined ? '' : `-${encoding}`}"`
    const caching = { ...more, ETag: etag }
    if (headers['if-none-match']?.split(/, */).includes(etag)) {
      response.writeHead(304, caching).end()
      return
    }
    const body = encoding === undefined ? this.#bytes : await this.#compress(encoding)
    response.writeHead(200, {
      ...caching,
      'Content-Type': this.#type,
      'Content-Length': body.length,
      ...(encoding !== undefined && { 'Content-Encoding': encoding }),
    })
    response.end(method === 'HEAD' ? undefined : body)
  }

  #compress(encoding: Encoding): Promise<Buffer> {
    const known = this.#compressed.get(encoding)
    if (known) return known
    const compressed = COMPRESS[encoding](this.#bytes)
    this.#compressed.set(encoding, compressed)
    compressed.catch(() => this.#compressed.delete(encoding))
    return compressed
  }
}

const encodingOf = (accepted: string | string[] | undefined): Encoding | undefined => {
  const names = String(accepted ?? '')
    .split(',')
    .map((name) => name.trim())
  // a name with a quality other than 1 is not worth a parser
  return (['br', 'gzip'] as const).find((name) => names.includes(name))
}
