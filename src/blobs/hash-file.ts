import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { DigestAlgorithm } from '../oci/digest.ts'
import type { BufferPool } from './buffer-pool.ts'

/** Bytes that are hashed in one iteration of the event loop. */
const PIECE = 256 << 10

export interface HashFileOptions {
  readonly algorithm: DigestAlgorithm
  /** Bytes to hash, from the start of the file. */
  readonly size: number
  readonly pool: BufferPool
  readonly signal: AbortSignal
}

/** Hashes a file without blocking the event loop. More bytes can be added to the result. */
export async function hashFile(file: FileHandle, options: HashFileOptions): Promise<Hash> {
  const { algorithm, size, pool, signal } = options
  const hash = createHash(algorithm)
  if (size === 0) return hash
  const lease = pool.take(size)
  try {
    const piece = Math.min(PIECE, lease.buffer.length)
    for (let position = 0; position < size; ) {
      signal.throwIfAborted()
      const length = Math.min(piece, size - position)
      const { bytesRead } = await file.read(lease.buffer, 0, length, position)
      if (bytesRead === 0) throw new Error(`an upload's file ends at byte ${position}, before its size`)
      hash.update(lease.buffer.subarray(0, bytesRead))
      position += bytesRead
    }
  } finally {
    lease.giveBack()
  }
  return hash
}
