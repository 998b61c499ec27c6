import { connect, type Socket } from 'node:net'

/** Maximum bytes of a read; all reads use the same memory. */
const READ = 256 << 10
/** Bytes that may wait in the socket before the next ones are written. */
const QUEUED = 512 << 10

export interface RawResponse {
  readonly status: number
  /** Status line and headers. */
  readonly head: string
  /** Bytes of the body as received, including the lengths of chunks. */
  readonly size: number
  /** Error body of the server. */
  readonly errorBody: string
}

/** One request at a time over one connection with a minimum of HTTP/1.1: a client with almost no cost. */
export interface Connection extends Disposable {
  /** `head` is a whole request except a large body. Rejects when the connection breaks. */
  request(head: string | Uint8Array, options?: RequestOptions): Promise<RawResponse>
}

export interface RequestOptions {
  readonly body?: Iterable<Uint8Array>
  /** Whether this is a HEAD: its response has a length but no body. */
  readonly isHead?: boolean
}

/** Connects to the loopback address. */
export function openConnection(port: number): Promise<Connection> {
  let reading: Reading | undefined
  const fail = (error: Error): void => {
    reading?.reject(error)
    reading = undefined
  }
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ),
        callback(length, buffer) {
          const current = reading
          if (!current) fail(new Error('a response without a request'))
          else if (current.take(buffer as Buffer, length)) {
            reading = undefined
            current.resolve()
          }
          return true
        },
      },
    })
    socket.once('error', reject).on('error', fail)
    socket.on('close', () => fail(new Error('the server closed the connection')))
    socket.once('connect', () =>
      resolve({
        request: (head, { body, isHead = false } = {}) =>
          new Promise((resolve, reject) => {
            reading = new Reading(isHead, resolve, reject)
            socket.write(head)
            if (body) sendBody(socket, body).catch(reject)
          }),
        [Symbol.dispose]: () => socket.destroy(),
      }),
    )
  })
}

async function sendBody(socket: Socket, body: Iterable<Uint8Array>): Promise<void> {
  for (const piece of body) {
    socket.write(piece)
    if (socket.writableLength < QUEUED) continue
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        socket.off('drain', end).off('close', end)
        if (socket.destroyed) reject(new Error('the server closed the connection'))
        else resolve()
      }
      socket.on('drain', end).on('close', end)
    })
  }
}

const HEAD_END = '\r\n\r\n'
const CHUNKS_END = '\r\n0\r\n\r\n'

/** One response that is being received. */
class Reading {
  readonly #isHead: boolean
  readonly #resolve: (response: RawResponse) => void
  readonly reject: (error: Error) => void
  #head = ''
  #hasHead = false
  /** Length of the body; undefined if it is chunked, with an empty last chunk. */
  #length: number | undefined
  #size = 0
  #tail = ''
  #status = Number.NaN
  #errorBody = ''

  constructor(isHead: boolean, resolve: (response: RawResponse) => void, reject: (error: Error) => void) {
    this.#isHead = isHead
    this.#resolve = resolve
    this.reject = reject
  }

  /** Adds received bytes; reports whether the response is complete. */
  take(buffer: Buffer, end: number): boolean {
    const start = this.#hasHead ? 0 : this.#takeHead(buffer, end)
    if (!this.#hasHead) return false
    this.#size += end - start
    if (this.#status >= 400) this.#errorBody += buffer.toString('utf8', start, end)
    if (this.#length !== undefined) return this.#size >= this.#length
    // JSON does not end with a line end: this one belongs to the last chunk
    this.#tail = (
      this.#tail + buffer.toString('latin1', Math.max(start, end - CHUNKS_END.length), end)
    ).slice(-CHUNKS_END.length)
    return this.#tail === CHUNKS_END
  }

  resolve(): void {
    this.#resolve({ status: this.#status, head: this.#head, size: this.#size, errorBody: this.#errorBody })
  }

  /** Reads the head; returns the position of the body. */
  #takeHead(buffer: Buffer, end: number): number {
    const before = this.#head.length
    const text = this.#head + buffer.toString('latin1', 0, end)
    const at = text.indexOf(HEAD_END)
    this.#head = at < 0 ? text : text.slice(0, at)
    if (at < 0) return end
    this.#hasHead = true
    this.#status = Number(text.slice(9, 12))
    const hasBody = !this.#isHead && this.#status !== 204 && this.#status !== 304
    const length = Number(headerOf(this.#head, 'content-length') ?? Number.NaN)
    if (!hasBody) this.#length = 0
    else if (!Number.isNaN(length)) this.#length = length
    return at + HEAD_END.length - before
  }
}

/** Returns a header of a response; `name` is in lower case. */
export function headerOf(head: string, name: string): string | undefined {
  for (let at = head.indexOf('\r\n'); at >= 0; at = head.indexOf('\r\n', at + 2)) {
    const colon = at + 2 + name.length
    if (head[colon] !== ':' || head.slice(at + 2, colon).toLowerCase() !== name) continue
    const end = head.indexOf('\r\n', colon)
    return head.slice(colon + 1, end < 0 ? undefined : end).trim()
  }
  return undefined
}
