import type { IncomingMessage } from 'node:http'
import type { BodyMemory } from './body-budget.ts'
import { bodyTooLong, overBudget, type UnreadBodyError } from './errors.ts'

/** Bytes for the beginning of a long body. */
const FIRST_PART = 4 * 1024

/** Limits of one body that is read into memory. */
export interface BodyLimits {
  readonly maxBytes: number
  /** Holds the body until it is released, also after this returns. */
  readonly memory: BodyMemory
}

/**
 * Returns the body's bytes. Rejects with UnreadBodyError when there are more than `maxBytes`, or no memory for them; the
 * rest is discarded as it arrives, so that the client can read the response. Rejects when the client disconnects before the
 * end.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const announced = bodyLength(request)
  if (announced !== undefined && announced > limits.maxBytes) {
    request.resume()
    throw bodyTooLong(limits.maxBytes)
  }
  const body = new GrowingBody(limits, announced ?? limits.maxBytes)
  return new Promise((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      const refusal = body.append(chunk)
      if (!refusal) return
      body.drop()
      // the stream stays in flowing mode: the rest is discarded
      request.off('data', collect)
      reject(refusal)
    }
    const fail = (error: unknown): void => {
      body.drop()
      reject(error)
    }
    const disconnect = (): void => fail(new Error('the client disconnected'))
    const finish = (): void => {
      resolve(body.bytes)
      // the request lives as long as its response, which may be an endless stream: it must not retain the body
      request.off('data', collect).off('error', fail).off('close', disconnect)
    }
    request.on('data', collect).once('end', finish).once('error', fail).once('close', disconnect)
  })
}

/**
 * The beginning of a body in one buffer, which grows with it: a list of chunks would take a hundred times their bytes, when
 * a client sends them one by one.
 */
class GrowingBody {
  readonly #limits: BodyLimits
  readonly #expected: number
  #buffer = Buffer.alloc(0)
  #length = 0

  /** `expected` is the length, or the maximum where that is not known. */
  constructor(limits: BodyLimits, expected: number) {
    this.#limits = limits
    this.#expected = expected
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Returns why the bytes cannot be kept; undefined when they are. */
  append(chunk: Buffer): UnreadBodyError | undefined {
    const { maxBytes } = this.#limits
    const length = this.#length + chunk.length
    if (length > maxBytes) return bodyTooLong(maxBytes)
    if (length > this.#buffer.length && !this.#grow(length)) return overBudget()
    chunk.copy(this.#buffer, this.#length)
    this.#length = length
    return undefined
  }

  drop(): void {
    this.#buffer = Buffer.alloc(0)
    this.#length = 0
    this.#limits.memory.release()
  }

  #grow(needed: number): boolean {
    const size = Math.min(this.#expected, Math.max(needed, 2 * this.#buffer.length, FIRST_PART))
    if (!this.#limits.memory.hold(size)) return false
    const larger = Buffer.allocUnsafe(size)
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
    return true
  }
}

/** Returns the bytes of a request's body, 0 without one; undefined when the length is not announced. */
export const bodyLength = ({ headers }: IncomingMessage): number | undefined =>
  headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined
