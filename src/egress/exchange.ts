import type { Dispatcher } from 'undici'
import { onAbort } from './abort.ts'
import { BodyTooLargeError, EgressTimeoutError, toEgressError } from './errors.ts'

/** Names in lower case; a list where the header came several times. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

export interface EgressResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** The body as it came over the wire: nothing is decompressed. */
  readonly body: Uint8Array
}

export interface ExchangeLimits {
  /** Bytes of body; one more fails. */
  readonly maxBytes: number
  /** Milliseconds from now until the body is complete. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** One request and its answer as undici's handler; settles exactly once. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<EgressResponse>
  readonly #limits: ExchangeLimits
  readonly #deadline: NodeJS.Timeout
  readonly #chunks: Uint8Array[] = []
  #settle!: { resolve: (response: EgressResponse) => void; reject: (error: unknown) => void }
  #controller: Dispatcher.DispatchController | undefined
  #unwatch: (() => void) | undefined
  #failure: { error: unknown } | undefined
  #received = 0
  #status = 0
  #headers: ResponseHeaders = {}

  constructor(limits: ExchangeLimits) {
    this.response = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#limits = limits
    // undici's own time-outs start anew with each byte: only this one ends a drip
    this.#deadline = setTimeout(() => this.#fail(new EgressTimeoutError('total')), limits.timeout)
    const { signal } = limits
    if (signal.aborted) this.#fail(signal.reason)
    else this.#unwatch = onAbort(signal, () => this.#fail(signal.reason))
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failure) controller.abort(new Error('no longer wanted'))
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#received += chunk.byteLength
    if (this.#received > this.#limits.maxBytes || this.#announced() > this.#limits.maxBytes) {
      this.#fail(new BodyTooLargeError(this.#limits.maxBytes))
    } else {
      this.#chunks.push(chunk)
    }
  }

  onResponseEnd(): void {
    this.#release()
    // copied: a chunk is a view of a larger socket buffer, which a kept manifest would hold in memory
    this.#settle.resolve({
      status: this.#status,
      headers: this.#headers,
      body: this.#received === 0 ? EMPTY : Buffer.concat(this.#chunks, this.#received),
    })
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: unknown): void {
    this.#fail(toEgressError(error))
  }

  #announced(): number {
    return Number(this.#headers['content-length'] ?? 0)
  }

  #fail(error: unknown): void {
    if (this.#failure) return
    this.#failure = { error }
    this.#release()
    this.#chunks.length = 0
    this.#settle.reject(error)
    this.#controller?.abort(new Error('no longer wanted'))
  }

  #release(): void {
    clearTimeout(this.#deadline)
    this.#unwatch?.()
  }
}

const EMPTY = new Uint8Array()
