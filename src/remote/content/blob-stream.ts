import { Readable } from 'node:stream'

/** The rest of a blob, from the byte `have` on. Rejects with the error that the blob's reader is to get. */
export type TakeUp = (have: number, cause: Error) => Promise<Readable>

/** Bytes that are read ahead of the reader. */
const READ_AHEAD = 256 * 1024

/** One blob out of as many answers as it takes; at the reader's pace, so that the registry waits while nobody reads. */
export class BlobStream extends Readable {
  readonly #size: number
  readonly #takeUp: TakeUp
  readonly #wrongSize: (have: number) => Error
  #have = 0
  #source: Readable | undefined

  /** `first` brings the blob from its first byte; `size` is its length in bytes, and not one more is delivered. */
  constructor(
    first: Readable,
    { size, takeUp, wrongSize }: { size: number; takeUp: TakeUp; wrongSize: (have: number) => Error },
  ) {
    super({ highWaterMark: READ_AHEAD })
    this.#size = size
    this.#takeUp = takeUp
    this.#wrongSize = wrongSize
    // who waits for the first byte is not listening yet, and is asked for the error later
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
    this.#source = source
    source.on('error', (cause) => void this.#resume(source, cause))
    source.on('data', (chunk: Buffer) => {
      this.#have += chunk.byteLength
      if (this.#have > this.#size) this.destroy(this.#wrongSize(this.#have))
      else if (!this.push(chunk)) source.pause()
    })
    source.on('end', () => {
      if (this.#have === this.#size) this.push(null)
      else this.destroy(this.#wrongSize(this.#have))
    })
    // it may have failed on its way here, and says so but once
    if (source.errored) void this.#resume(source, source.errored)
  }

  async #resume(broken: Readable, cause: Error): Promise<void> {
    if (this.destroyed || this.#source !== broken) return
    this.#source = undefined
    try {
      const source = await this.#takeUp(this.#have, cause)
      if (this.destroyed) source.destroy()
      else this.#read(source)
    } catch (error) {
      this.destroy(error as Error)
    }
  }
}
