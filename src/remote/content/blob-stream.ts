import { Readable } from 'node:stream'

/** Returns the rest of a blob from the byte `offset` on. Rejects with the error for the blob's reader. */
export type ResumeBlob = (offset: number, cause: Error) => Promise<Readable>

export interface BlobStreamOptions {
  /** The blob's length in bytes; no byte beyond it is delivered. */
  readonly size: number
  readonly resume: ResumeBlob
  readonly wrongSize: (received: number) => Error
}

/** Bytes that are read ahead of the reader. */
const READ_AHEAD = 256 * 1024

/** One blob from one or more responses, read at its reader's pace. */
export class BlobStream extends Readable {
  readonly #options: BlobStreamOptions
  #received = 0
  #source: Readable | undefined

  /** `first` is the blob from its first byte. */
  constructor(first: Readable, options: BlobStreamOptions) {
    super({ highWaterMark: READ_AHEAD })
    this.#options = options
    // an error before the reader listens is not unhandled: the reader finds it in `errored`
    this.on('error', () => {})
    this.#read(first)
  }

  override _read(): void {
    this.#source?.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source?.destroy()
    callback(error)
  }

  #read(source: Readable): void {
    const { size, wrongSize } = this.#options
    this.#source = source
    source.on('error', (cause) => void this.#resume(source, cause))
    source.on('data', (chunk: Buffer) => {
      this.#received += chunk.byteLength
      if (this.#received > size) this.destroy(wrongSize(this.#received))
      else if (!this.push(chunk)) source.pause()
    })
    source.on('end', () => {
      if (this.#received === size) this.push(null)
      else this.destroy(wrongSize(this.#received))
    })
    // it may have failed before this stream listened
    if (source.errored) void this.#resume(source, source.errored)
  }

  async #resume(broken: Readable, cause: Error): Promise<void> {
    if (this.destroyed || this.#source !== broken) return
    this.#source = undefined
    try {
      const source = await this.#options.resume(this.#received, cause)
      if (this.destroyed) source.destroy()
      else this.#read(source)
    } catch (error) {
      this.destroy(error as Error)
    }
  }
}
