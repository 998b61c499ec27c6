import { type FileHandle, open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { ByteRange, OpenBlob } from './blob-store.ts'
import type { BufferPool } from './buffer-pool.ts'
import { unlessAbsent } from './folders.ts'
import { Outlet } from './outlet.ts'
import { sendFile } from './send.ts'

/** Maximum size in bytes of a blob that is read completely when it is opened. */
const SMALL = 64 << 10

/** Opens the blob in a file; undefined when the file does not exist. */
export async function openBlob(path: string, pool: BufferPool): Promise<OpenBlob | undefined> {
  const file = await unlessAbsent(open(path))
  if (!file) return undefined
  const lease = pool.take(SMALL)
  try {
    const [{ size }, { bytesRead }] = await Promise.all([file.stat(), file.read(lease.buffer, 0, SMALL, 0)])
    if (size > SMALL || bytesRead < size) return new FileBlob(file, size, pool)
    return new SmallBlob(Buffer.from(lease.buffer.subarray(0, size)), file.close())
  } catch (error) {
    await file.close()
    throw error
  } finally {
    lease.giveBack()
  }
}

class SmallBlob implements OpenBlob {
  readonly #bytes: Buffer
  readonly #closing: Promise<void>

  constructor(bytes: Buffer, closing: Promise<void>) {
    this.#bytes = bytes
    this.#closing = closing
    // disposal, which may come later, reports the error
    closing.catch(() => {})
  }

  get size(): number {
    return this.#bytes.length
  }

  async send(range: ByteRange, to: Writable): Promise<void> {
    requireWithin(range, this.size)
    using outlet = new Outlet(to)
    await outlet.write(this.#bytes.subarray(range.start, range.end))
  }

  async read(): Promise<Uint8Array> {
    return this.#bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing
  }
}

class FileBlob implements OpenBlob {
  readonly size: number
  readonly #file: FileHandle
  readonly #pool: BufferPool

  constructor(file: FileHandle, size: number, pool: BufferPool) {
    this.#file = file
    this.size = size
    this.#pool = pool
  }

  async send(range: ByteRange, to: Writable): Promise<void> {
    requireWithin(range, this.size)
    await sendFile(this.#file, { range, to, pool: this.#pool })
  }

  async read(): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(this.size)
    for (let position = 0; position < this.size; ) {
      const { bytesRead } = await this.#file.read(bytes, position, this.size - position, position)
      if (bytesRead === 0) throw new Error(`a blob's file ends at byte ${position}, before its size`)
      position += bytesRead
    }
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

function requireWithin({ start, end }: ByteRange, size: number): void {
  if (!(start >= 0 && start <= end && end <= size)) {
    throw new RangeError(`bytes ${start} to ${end} of a blob of ${size}`)
  }
}
