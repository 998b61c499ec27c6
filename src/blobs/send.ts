import type { FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { BufferLease, BufferPool } from './buffer-pool.ts'
import { ReceiverClosedError } from './errors.ts'

/** Part of a blob, in bytes: `end` is excluded. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** The part of a file to send, and its receiver. */
interface FileSend {
  readonly range: ByteRange
  readonly to: Writable
  readonly pool: BufferPool
  /** Resolves with the end of the readable bytes, after `position`; by default the whole range is readable. */
  readonly readableFrom?: (position: number) => Promise<number>
}

/**
 * Writes a part of a file with back-pressure: reads the next buffer while one is written. Rejects with
 * ReceiverClosedError as soon as the receiver closes; a read can still be in progress, and closing the file waits for it.
 */
export async function sendFile(file: FileHandle, options: FileSend): Promise<void> {
  const { range, to, pool, readableFrom } = options
  using outlet = new Outlet(to)
  let writing: Promise<void> | undefined
  for (let position = range.start; position < range.end; ) {
    const limit = readableFrom ? await outlet.unlessClosed(readableFrom(position)) : range.end
    const lease = pool.take(limit - position)
    const length = await readInto(file, lease, { position, limit, outlet })
    try {
      await writing
    } catch (error) {
      lease.giveBack()
      throw error
    }
    writing = writeFrom(outlet, lease, length)
    position += length
  }
  await writing
}

/** Returns the number of bytes read, at least one. */
async function readInto(
  file: FileHandle,
  { buffer, giveBack }: BufferLease,
  { position, limit, outlet }: { position: number; limit: number; outlet: Outlet },
): Promise<number> {
  const length = Math.min(buffer.length, limit - position)
  const reading = file.read(buffer, 0, length, position)
  try {
    const { bytesRead } = await outlet.unlessClosed(reading)
    if (bytesRead === 0) throw new Error(`a file ends at byte ${position}, before its size`)
    return bytesRead
  } catch (error) {
    reading.then(giveBack, giveBack)
    throw error
  }
}

function writeFrom(outlet: Outlet, lease: BufferLease, length: number): Promise<void> {
  const writing = outlet.write(lease.buffer.subarray(0, length)).then(lease.giveBack, (error: unknown) => {
    lease.abandon()
    throw error
  })
  // awaited only after the next read
  writing.catch(() => {})
  return writing
}

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
