import { Readable } from 'node:stream'

/** Reads the parts of one blob from a stream that is opened again only where a part does not continue the one before. */
export class BlobReader {
  readonly #read: (offset: number) => Readable | Promise<Readable>
  readonly #onRead: (position: number) => void
  #source: Source | undefined

  /** `onRead` receives the number of bytes of the blob before the next one. */
  constructor(
    read: (offset: number) => Readable | Promise<Readable>,
    onRead: (position: number) => void = () => {},
  ) {
    this.#read = read
    this.#onRead = onRead
  }

  /** Returns `length` bytes from `offset` on, or fewer where the blob ends. Parts are read one after the other. */
  part(offset: number, length: number): Readable {
    return Readable.from(this.#chunks(offset, length), { objectMode: true, highWaterMark: 1 })
  }

  close(): void {
    this.#source?.stream.destroy()
    this.#source = undefined
  }

  async *#chunks(offset: number, length: number): AsyncGenerator<Uint8Array> {
    if (length === 0) return
    const source = await this.#sourceAt(offset)
    let left = length
    while (left > 0) {
      const chunk = await source.next(left)
      if (!chunk) return
      left -= chunk.byteLength
      yield chunk
      this.#onRead(offset + length - left)
    }
  }

  async #sourceAt(offset: number): Promise<Source> {
    if (this.#source?.position === offset) return this.#source
    this.close()
    this.#source = new Source(await this.#read(offset), offset)
    return this.#source
  }
}

/** An open stream. A chunk that belongs to two parts is kept for the second. */
class Source {
  readonly stream: Readable
  readonly #chunks: AsyncIterator<Uint8Array>
  /** Offset of the next byte; NaN while it is read. */
  position: number
  #rest: Uint8Array | undefined

  constructor(stream: Readable, position: number) {
    this.stream = stream
    this.position = position
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** Returns at most so many bytes; undefined at the end. Rejects with the stream's error. */
  async next(limit: number): Promise<Uint8Array | undefined> {
    const { position } = this
    // while a read is pending no other part may use this stream
    this.position = Number.NaN
    const chunk = this.#rest ?? (await this.#chunks.next()).value
    if (!chunk) return undefined
    const taken = chunk.subarray(0, limit)
    this.#rest = chunk.byteLength > limit ? chunk.subarray(limit) : undefined
    this.position = position + taken.byteLength
    return taken
  }
}
