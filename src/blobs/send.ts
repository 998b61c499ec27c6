import type { FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { ByteRange } from './blob-store.ts'
import type { BufferLease, BufferPool } from './buffer-pool.ts'
import { Outlet } from './outlet.ts'

/** The part of a file to send, and its receiver. */
export interface SendOptions {
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
export async function sendFile(file: FileHandle, options: SendOptions): Promise<void> {
  const { range, to, pool, readableFrom } = options
  using outlet = new Outlet(to)
  let writing: Promise<void> | undefined
  for (let position = range.start; position < range.end; ) {
    const limit = readableFrom ? await outlet.unlessClosed(readableFrom(position)) : range.end
    const lease = pool.take(limit - position)
    const length = await readInto(file, { lease, position, limit, outlet })
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

interface ReadRequest {
  readonly lease: BufferLease
  readonly position: number
  readonly limit: number
  readonly outlet: Outlet
}

/** Returns the number of bytes read, at least one. */
async function readInto(file: FileHandle, { lease, position, limit, outlet }: ReadRequest): Promise<number> {
  const length = Math.min(lease.buffer.length, limit - position)
  const reading = file.read(lease.buffer, 0, length, position)
  try {
    const { bytesRead } = await outlet.unlessClosed(reading)
    if (bytesRead === 0) throw new Error(`a file ends at byte ${position}, before its size`)
    return bytesRead
  } catch (error) {
    reading.then(lease.giveBack, lease.giveBack)
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
