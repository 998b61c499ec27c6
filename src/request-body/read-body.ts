import type { IncomingMessage } from 'node:http'

/** Limit on the bytes of bodies that are held in memory at a time, shared by all requests of one endpoint. */
export class BodyBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Reserves bytes until they are given back. Reports whether there were enough. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  give(bytes: number): void {
    this.#left += bytes
  }
}

/** Reason why a body was not read: it is longer than allowed, or the budget is used up. */
export type UnreadBody = 'too long' | 'over budget'

/**
 * Returns the body's bytes, or undefined when there are more than `maxBytes`. The rest of a body that is too long is
 * discarded as it arrives, so that the client can read the response. Rejects when the client disconnects before the end.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const body = await readBodyWithin(request, maxBytes, undefined)
  return typeof body === 'string' ? undefined : body
}

/** Returns the body's bytes, which count against the budget while they arrive, or why not; otherwise as `readBody`. */
export function readBodyWithin(
  request: IncomingMessage,
  maxBytes: number,
  budget: BodyBudget | undefined,
): Promise<Buffer | UnreadBody> {
  if (Number(request.headers['content-length']) > maxBytes) {
    request.resume()
    return Promise.resolve('too long')
  }
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let bytes = 0
    let held = 0
    const release = (): void => {
      chunks = []
      budget?.give(held)
      held = 0
    }
    const collect = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes <= maxBytes && (budget?.take(chunk.length) ?? true)) {
        held += chunk.length
        chunks.push(chunk)
        return
      }
      release()
      // the stream stays in flowing mode: the rest is discarded
      request.off('data', collect)
      resolve(bytes > maxBytes ? 'too long' : 'over budget')
    }
    const fail = (error: unknown): void => {
      release()
      reject(error)
    }
    const disconnect = (): void => fail(new Error('the client disconnected'))
    const finish = (): void => {
      resolve(Buffer.concat(chunks))
      release()
      // the request lives as long as its response, which may be an endless stream: it must not retain the body
      request.off('data', collect).off('error', fail).off('close', disconnect)
    }
    request.on('data', collect).once('end', finish).once('error', fail).once('close', disconnect)
  })
}

/** Returns the bytes of a request's body, 0 without one; undefined when the length is not announced. */
export const bodyLength = ({ headers }: IncomingMessage): number | undefined =>
  headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined

/** Closes the connection of a request whose body has not arrived completely after so many milliseconds. */
export function limitBodyTime(request: IncomingMessage, timeout: number): void {
  if (bodyLength(request) === 0) return
  const deadline = setTimeout(() => request.destroy(new Error('the body took too long')), timeout)
  const clear = (): void => clearTimeout(deadline)
  request.once('end', clear).once('close', clear)
}
