import { type FileHandle, open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { BufferPool } from './buffer-pool.ts'
import { unlessAbsent } from './folders.ts'
import { type ByteRange, Outlet, sendFile } from './send.ts'

/** A blob that is open for reading. */
export interface OpenBlob extends AsyncDisposable {
  /** Bytes. */
  readonly size: number
  /** Writes a part with back-pressure; does not end `to`. Rejects with ReceiverClosedError when `to` closes. */
  send(range: ByteRange, to: Writable): Promise<void>
  /** Reads the whole blob; for small blobs only. */
  read(): Promise<Uint8Array>
}

/** Maximum size in bytes of a blob that is read completely when it is opened. */
const SMALL = 64 << 10

/** Opens the blob in a file; undefined when the file does not exist. */
export async function openBlob(path: string, pool: BufferPool): Promise<OpenBlob | undefined> {
  const file = await unlessAbsent(open(path))
  if (!file) return undefined
  const lease = pool.take(SMALL)
  try {
    const [{ size }, { bytesRead }] = await Promise.all([file.stat(), file.read(lease.buffer, 0, SMALL, 0)])
    if (size > SMALL || bytesRead < size) return fileBlob(file, size, pool)
    return smallBlob(Buffer.from(lease.buffer.subarray(0, size)), file.close())
  } catch (error) {
    await file.close()
    throw error
  } finally {
    lease.giveBack()
  }
}

/** Returns a blob whose bytes are in memory, while its file is closed. */
function smallBlob(bytes: Buffer, closing: Promise<void>): OpenBlob {
  // disposal, which may come later, reports the error
  closing.catch(() => {})
  return {
    size: bytes.length,
    async send(range, to) {
      requireWithin(range, bytes.length)
      using outlet = new Outlet(to)
      await outlet.write(bytes.subarray(range.start, range.end))
    },
    read: async () => bytes,
    [Symbol.asyncDispose]: () => closing,
  }
}

function fileBlob(file: FileHandle, size: number, pool: BufferPool): OpenBlob {
  return {
    size,
    async send(range, to) {
      requireWithin(range, size)
      await sendFile(file, { range, to, pool })
    },
    async read() {
      const bytes = Buffer.allocUnsafeSlow(size)
      for (let position = 0; position < size; ) {
        const { bytesRead } = await file.read(bytes, position, size - position, position)
        if (bytesRead === 0) throw new Error(`a blob's file ends at byte ${position}, before its size`)
        position += bytesRead
      }
      return bytes
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}

function requireWithin({ start, end }: ByteRange, size: number): void {
  if (!(start >= 0 && start <= end && end <= size)) {
    throw new RangeError(`bytes ${start} to ${end} of a blob of ${size}`)
  }
}
