import { Readable } from 'node:stream'
import { EgressTimeoutError } from './errors.ts'

/** A request's body that is sent as it is read, at its receiver's pace. */
export interface StreamedBody {
  /** Number of bytes. */
  readonly size: number
  /** Opens the body, which is read to its end or destroyed. Called once for each request. */
  readonly open: () => Readable | Promise<Readable>
}

/** The body of a request could not be read; `cause` is the failure. The request's receiver is not at fault. */
export class RequestBodyError extends Error {
  override readonly name = 'RequestBodyError'

  constructor(cause: unknown) {
    super('the body of the request could not be read', { cause })
  }
}

/** Reports whether a body is streamed. */
export const isStreamed = (
  body: string | Uint8Array | StreamedBody | null | undefined,
): body is StreamedBody => typeof body === 'object' && body !== null && 'open' in body

/** The sending of one streamed body. */
export class SentBody {
  readonly #body: StreamedBody
  readonly #idleTimeout: number
  readonly #onIdle: (error: unknown) => void
  #stream: Readable | undefined
  #timer: NodeJS.Timeout | undefined
  #isDestroyed = false

  /** `idleTimeout` in milliseconds: calls `onIdle` when the receiver takes longer for one chunk. */
  constructor(body: StreamedBody, idleTimeout: number, onIdle: (error: unknown) => void) {
    this.#body = body
    this.#idleTimeout = idleTimeout
    this.#onIdle = onIdle
  }

  /** Returns the body, read by one chunk ahead of its receiver. Fails with RequestBodyError. */
  stream(): Readable {
    return Readable.from(this.#chunks(), { objectMode: true, highWaterMark: 1 })
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    let left = this.#body.size
    try {
      this.#stream = await this.#body.open()
      if (this.#isDestroyed) this.#stream.destroy()
      for await (const chunk of this.#stream as AsyncIterable<Uint8Array>) {
        left -= chunk.byteLength
        if (left < 0) break
        this.#timer = setTimeout(() => this.#onIdle(new EgressTimeoutError('request')), this.#idleTimeout)
        yield chunk
        clearTimeout(this.#timer)
      }
    } catch (error) {
      throw new RequestBodyError(error)
    } finally {
      this.destroy()
    }
    if (left !== 0) throw new RequestBodyError(new RangeError(`it does not have ${this.#body.size} bytes`))
  }

  /** Ends the sending at once. */
  destroy(): void {
    this.#isDestroyed = true
    clearTimeout(this.#timer)
    this.#stream?.destroy()
  }
}
