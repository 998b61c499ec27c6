import type { Writable } from 'node:stream'
import { ReceiverClosedError } from './blob-store.ts'

/** A client's side of a transfer: whatever is waited for ends when the client closes. */
export class Outlet implements Disposable {
  readonly #to: Writable
  readonly #waiting = new Set<(error: unknown) => void>()
  #closed: ReceiverClosedError | undefined
  readonly #onClose = (): void => this.#close()
  readonly #onError = (error: unknown): void => this.#close(error)

  constructor(to: Writable) {
    this.#to = to
    to.on('close', this.#onClose)
    to.on('error', this.#onError)
    if (to.destroyed || to.closed || to.writableEnded) this.#close(to.errored)
  }

  /**
   * Resolves when the bytes have left, which is when their buffer can be used again. Rejects when the client closes
   * first: then something may still hold the buffer.
   */
  write(bytes: Uint8Array): Promise<void> {
    return this.unlessClosed(
      new Promise((resolve, reject) => {
        if (this.#closed) return reject(this.#closed)
        this.#to.write(bytes, (error) => {
          if (error) reject(new ReceiverClosedError('the receiver closed', { cause: error }))
          else resolve()
        })
      }),
    )
  }

  /** What the work gives, but rejects as soon as the client closes. */
  unlessClosed<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(this.#closed)
      else this.#waiting.add(reject)
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject))
    })
  }

  #close(cause?: unknown): void {
    if (this.#closed) return
    this.#closed = new ReceiverClosedError('the receiver closed', { cause })
    for (const reject of this.#waiting) reject(this.#closed)
    this.#waiting.clear()
  }

  [Symbol.dispose](): void {
    this.#to.off('close', this.#onClose)
    // a failed stream may tell its error only now: nobody else may be listening
    if (!this.#closed) this.#to.off('error', this.#onError)
  }
}
