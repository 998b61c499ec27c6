import type { FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { ByteRange } from './blob-store.ts'
import type { BufferPool, Lease } from './buffer-pool.ts'
import { Outlet } from './outlet.ts'

export interface SendOptions {
  readonly range: ByteRange
  readonly to: Writable
  readonly pool: BufferPool
  /** How far the file may be read now, more than `position`; where it may be to the end, leave it out. */
  readonly readableFrom?: (position: number) => Promise<number>
}

/**
 * Writes a part of a file at the client's pace: while one buffer is written, the next is read. Rejects with
 * ReceiverClosedError at once when the client closes; a read may go on then, and closing the file waits for it.
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

interface Reading {
  readonly lease: Lease
  readonly position: number
  readonly limit: number
  readonly outlet: Outlet
}

/** Bytes read, at least one. */
async function readInto(file: FileHandle, { lease, position, limit, outlet }: Reading): Promise<number> {
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

function writeFrom(outlet: Outlet, lease: Lease, length: number): Promise<void> {
  const writing = outlet.write(lease.buffer.subarray(0, length)).then(lease.giveBack, (error: unknown) => {
    lease.abandon()
    throw error
  })
  // it is awaited only after the next read
  writing.catch(() => {})
  return writing
}
