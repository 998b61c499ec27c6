import type { Writable } from 'node:stream'
import { ReceiverClosedError } from './blob-store.ts'

/** The receiver of a transfer: all waiting ends when it closes. */
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
   * Resolves when the bytes are sent and their buffer can be reused. Rejects when the receiver closes first; then the
   * buffer may still be in use.
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

  /** Settles as the work does, or rejects as soon as the receiver closes. */
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
    // a failed stream can emit its error later, and may have no other listener
    if (!this.#closed) this.#to.off('error', this.#onError)
  }
}
