import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { onAbort } from '../concurrency/abort.ts'
import { BodyTooLargeError, EgressTimeoutError, toEgressError } from './errors.ts'
import { RequestBodyError, SentBody, type StreamedBody } from './request-body.ts'

/** Names in lower case; a list where the header came several times. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** A response of another server. */
export interface EgressResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** The body as received, not decompressed. Empty if there is a stream. */
  readonly body: Uint8Array
  /**
   * The body as a stream, if requested and the status is 200 or 206. It occupies a connection until it is read to its end
   * or destroyed, and the server waits while it is not read. Fails with the errors of `Egress.request`.
   */
  readonly stream?: Readable
}

/** Limits of a streamed body. */
export interface StreamLimits {
  /** Maximum size of the body, in bytes; a chunk beyond it is not delivered. */
  readonly maxBytes: number
  /** Milliseconds from the headers until the body is complete. */
  readonly timeout: number
  /** Milliseconds between two chunks while the reader waits; `timeouts.stream` of the egress unless given. */
  readonly idle?: number
}

/** Limits of one exchange. */
export interface ExchangeLimits {
  /** Maximum size of the body, in bytes. */
  readonly maxBytes: number
  /** Milliseconds until the body is complete, or begins to stream. */
  readonly timeout: number
  /** If given, the body of a 200 or 206 is a stream. */
  readonly stream?: StreamLimits | undefined
  readonly signal: AbortSignal
  /** The request's body if it is streamed. */
  readonly sent?: StreamedBody | undefined
  /** Milliseconds for the receiver to take one chunk of the request's body. */
  readonly idleTimeout: number
}

/** Bytes of a stream that are buffered ahead of its reader. */
const READ_AHEAD = 256 * 1024

/** One request and its response, as a handler for undici; settles exactly once. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<EgressResponse>
  readonly #limits: ExchangeLimits
  readonly #timeLimit: TimeLimit
  /** The request's body if it is streamed. */
  readonly sent: SentBody | undefined
  readonly #chunks: Uint8Array[] = []
  #stream: Readable | undefined
  #settle!: { resolve: (response: EgressResponse) => void; reject: (error: unknown) => void }
  #controller: Dispatcher.DispatchController | undefined
  #failure: { error: unknown } | undefined
  #ended = false
  #maxBytes: number
  #received = 0
  #status = 0
  #headers: ResponseHeaders = {}

  constructor(limits: ExchangeLimits) {
    this.response = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#limits = limits
    this.#maxBytes = limits.maxBytes
    const { timeout, signal, sent, idleTimeout } = limits
    this.sent = sent && new SentBody(sent, idleTimeout, (error) => this.#fail(error))
    this.#timeLimit = new TimeLimit(timeout, signal, (error) => this.#fail(error))
    if (signal.aborted) this.#fail(signal.reason)
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failure) controller.abort(new Error('the request was cancelled'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    this.#status = status
    this.#headers = headers
    const { stream } = this.#limits
    if (stream && (status === 200 || status === 206)) this.#startStream(controller, stream)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#received += chunk.byteLength
    if (this.#received > this.#maxBytes || this.#announced() > this.#maxBytes) {
      this.#fail(new BodyTooLargeError(this.#maxBytes))
    } else if (!this.#stream) {
      this.#chunks.push(chunk)
    } else if (!this.#stream.push(chunk)) {
      controller.pause()
    }
  }

  onResponseEnd(): void {
    this.#ended = true
    this.#timeLimit.clear()
    this.sent?.destroy()
    if (this.#stream) {
      this.#stream.push(null)
      return
    }
    // copied: a chunk is a view of a larger socket buffer, which a cached manifest would keep in memory
    this.#settle.resolve({
      status: this.#status,
      headers: this.#headers,
      body: this.#received === 0 ? EMPTY : Buffer.concat(this.#chunks, this.#received),
    })
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: unknown): void {
    this.#fail(error instanceof RequestBodyError ? error : toEgressError(error))
  }

  #startStream(controller: Dispatcher.DispatchController, { maxBytes, timeout }: StreamLimits): void {
    this.#maxBytes = maxBytes
    if (this.#announced() > maxBytes) {
      this.#fail(new BodyTooLargeError(maxBytes))
      return
    }
    this.#timeLimit.restart(timeout)
    const stream = createStream(controller, (error) => this.#fail(error))
    this.#stream = stream
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body: EMPTY, stream })
  }

  #announced(): number {
    return Number(this.#headers['content-length'] ?? 0)
  }

  #fail(error: unknown): void {
    if (this.#failure || this.#ended) return
    this.#failure = { error }
    this.#timeLimit.clear()
    this.#chunks.length = 0
    this.#settle.reject(error)
    this.sent?.destroy()
    this.#stream?.destroy(error as Error)
    this.#controller?.abort(new Error('the request was cancelled'))
  }
}

/** Creates the body's stream, which is paused while its reader does not read. */
function createStream(
  controller: Dispatcher.DispatchController,
  onDestroy: (error: unknown) => void,
): Readable {
  const stream = new Readable({
    highWaterMark: READ_AHEAD,
    read: () => controller.resume(),
    destroy: (error, callback) => {
      onDestroy(error ?? new Error('the request was cancelled'))
      callback(error)
    },
  })
  // it can fail before its reader adds a listener, which then receives the error
  stream.on('error', () => {})
  return stream
}

/** The time limit of an exchange, which also ends when its signal is aborted. */
class TimeLimit {
  readonly #onEnd: (error: unknown) => void
  #timer: NodeJS.Timeout
  #unwatch = (): void => {}

  /** `timeout` in milliseconds. */
  constructor(timeout: number, signal: AbortSignal, onEnd: (error: unknown) => void) {
    this.#onEnd = onEnd
    this.#timer = this.#start(timeout)
    if (!signal.aborted) this.#unwatch = onAbort(signal, () => onEnd(signal.reason))
  }

  restart(timeout: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#start(timeout)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#unwatch()
  }

  // undici's own timeouts restart with each byte: only this one ends a slow trickle
  #start(timeout: number): NodeJS.Timeout {
    return setTimeout(() => this.#onEnd(new EgressTimeoutError('total')), timeout)
  }
}

const EMPTY = new Uint8Array()
