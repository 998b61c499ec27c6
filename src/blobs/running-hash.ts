import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { BufferPool } from './buffer-pool.ts'

/** Bytes that are hashed in one iteration of the event loop. */
const PIECE = 256 << 10

/** State of a hash, to which it can be reset. */
interface HashState {
  readonly size: number
  readonly hash: Hash | undefined
}

/** Number and hash of the bytes of an upload, in the order of arrival. */
export class RunningHash {
  readonly #algorithm: DigestAlgorithm
  readonly #pool: BufferPool
  #size: number
  /** Undefined when some bytes arrived before a restart. */
  #hash: Hash | undefined

  constructor(algorithm: DigestAlgorithm, size: number, pool: BufferPool) {
    this.#algorithm = algorithm
    this.#size = size
    this.#pool = pool
  }

  /** Bytes. */
  get size(): number {
    return this.#size
  }

  get state(): HashState {
    return { size: this.#size, hash: this.#hash?.copy() }
  }

  set state({ size, hash }: HashState) {
    this.#size = size
    this.#hash = hash
  }

  add(bytes: Uint8Array): void {
    this.#hash?.update(bytes)
    this.#size += bytes.length
  }

  /** Hashes the bytes in the file, unless their hash is known. */
  async readFrom(file: FileHandle, signal: AbortSignal): Promise<void> {
    this.#hash ??= await this.#hashOf(file, this.#algorithm, signal)
  }

  /** Returns the digest of all bytes, which are in the file. The hash is unknown afterwards. */
  async digest(file: FileHandle, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<Digest> {
    const known = algorithm === this.#algorithm ? this.#hash : undefined
    const hash = known ?? (await this.#hashOf(file, algorithm, signal))
    this.#hash = undefined
    return `${algorithm}:${hash.digest('hex')}` as Digest
  }

  /** Hashes the file without blocking the event loop. */
  async #hashOf(file: FileHandle, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<Hash> {
    const size = this.#size
    const hash = createHash(algorithm)
    if (size === 0) return hash
    const lease = this.#pool.take(size)
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
}
