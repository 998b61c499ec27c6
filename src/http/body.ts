import type { IncomingMessage } from 'node:http'

/** Bytes of bodies that are held at a time, over all requests that share it. */
export class BodyBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  /** Whether so many more may be held; then they are until given back. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  give(bytes: number): void {
    this.#left += bytes
  }
}

/** Why a body was not read: it is longer than allowed, or others hold too much at the moment. */
export type UnreadBody = 'too long' | 'too many'

/**
 * The body's bytes, or why not; what is not read is not held, only let pass, so that the client can read its answer.
 * Rejects when the client goes away before the end.
 */
export function readBytes(
  request: IncomingMessage,
  maxBytes: number,
  budget?: BodyBudget,
): Promise<Buffer | UnreadBody> {
  if (Number(request.headers['content-length']) > maxBytes) {
    request.resume()
    return Promise.resolve('too long')
  }
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let bytes = 0
    let held = 0
    const letGo = (): void => {
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
      letGo()
      request.off('data', collect)
      request.resume()
      resolve(bytes > maxBytes ? 'too long' : 'too many')
    }
    const fail = (error: unknown): void => {
      letGo()
      reject(error)
    }
    const cut = (): void => fail(new Error('the client went away'))
    const finish = (): void => {
      resolve(Buffer.concat(chunks))
      letGo()
      // the request stays as long as its answer, which may be a stream without end: it shall not keep its body
      request.off('data', collect).off('error', fail).off('close', cut)
    }
    request.on('data', collect).once('end', finish).once('error', fail).once('close', cut)
  })
}

/** The body as text, or undefined when it is longer than this many bytes; otherwise as `readBytes`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const body = await readBytes(request, maxBytes)
  return typeof body === 'string' ? undefined : body.toString()
}

/** Closes the connection of a request whose body has not wholly arrived after this many milliseconds. */
export function limitBodyTime(request: IncomingMessage, timeout: number): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && !Number(length)) return
  const deadline = setTimeout(() => request.destroy(new Error('the body took too long')), timeout)
  const clear = (): void => clearTimeout(deadline)
  request.once('end', clear).once('close', clear)
}
