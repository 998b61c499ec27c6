import type { ServerResponse } from 'node:http'
import type { Logger } from 'pino'

/** A connection that stays: what is written to it is taken at the client's pace. */
export interface Stream {
  /** Of the request that opened it. */
  readonly requestId: string
  /** Bytes that were written and not yet taken by the network. */
  readonly pendingBytes: number
  /** Gives a sign of life, or finds that the client gives none. */
  beat(): void
  /** Ends it because its client does not read. */
  shed(): void
  /** Ends it because the server ends. */
  goAway(): void
  /** Ends it without another word. */
  destroy(): void
}

export interface StreamsOptions {
  readonly log: Logger
  /** Milliseconds between beats of a stream that has nothing else to say. */
  readonly keepAlive: number
  /** Milliseconds without progress after which a stream is shed. */
  readonly slowReaderTimeout: number
}

/** What a stream belongs to. */
export interface StreamScope {
  readonly requestId: string
  readonly streams: Streams
}

/** Past this many unread bytes a stream is shed at once: its client makes us write without reading. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024

interface Watch {
  pending: number
  progressAt: number
  beatAt: number
  isShed: boolean
}

/** All streams of the server under one timer: a timer for each would cost more than what it watches. */
export class Streams implements Disposable {
  readonly #watches = new Map<Stream, Watch>()
  readonly #log: Logger
  readonly #keepAlive: number
  readonly #slowReaderTimeout: number
  readonly #timer: NodeJS.Timeout

  constructor({ log, keepAlive, slowReaderTimeout }: StreamsOptions) {
    this.#log = log
    this.#keepAlive = keepAlive
    this.#slowReaderTimeout = slowReaderTimeout
    const interval = Math.min(1_000, keepAlive / 4, slowReaderTimeout / 4)
    this.#timer = setInterval(() => this.#sweep(performance.now()), interval)
    this.#timer.unref()
  }

  /** Streams that are open. */
  get size(): number {
    return this.#watches.size
  }

  add(stream: Stream): void {
    const now = performance.now()
    this.#watches.set(stream, { pending: 0, progressAt: now, beatAt: now, isShed: false })
  }

  delete(stream: Stream): void {
    this.#watches.delete(stream)
  }

  /** The same for an answer that is no stream: its connection ends when the client takes nothing of it for that long. */
  limit(response: ServerResponse, requestId: string): void {
    // progress within one large write starts this time anew
    response.setTimeout(this.#slowReaderTimeout, () => {
      this.#log.warn({ requestId, pending: response.writableLength }, 'slow reader closed')
      response.destroy()
    })
  }

  goAway(): void {
    for (const stream of this.#watches.keys()) stream.goAway()
  }

  destroy(): void {
    for (const stream of this.#watches.keys()) stream.destroy()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #sweep(now: number): void {
    for (const [stream, watch] of this.#watches) {
      if (watch.isShed) continue
      const pending = stream.pendingBytes
      if (pending === 0 || pending < watch.pending) watch.progressAt = now
      watch.pending = pending
      const isStuck = now - watch.progressAt >= this.#slowReaderTimeout
      if (isStuck || pending > MAX_PENDING_BYTES) {
        watch.isShed = true
        this.#log.warn({ requestId: stream.requestId, pending }, 'slow reader closed')
        stream.shed()
      } else if (pending === 0 && now - watch.beatAt >= this.#keepAlive) {
        // a beat behind unread bytes would tell nothing
        watch.beatAt = now
        stream.beat()
      }
    }
  }
}
