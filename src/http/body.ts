import type { IncomingMessage } from 'node:http'

/**
 * The body as text, or undefined when it is longer than this many bytes; it is not held then, only let pass, so that the
 * client can read its answer. Rejects when the client goes away before the end.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  if (Number(request.headers['content-length']) > maxBytes) {
    request.resume()
    return Promise.resolve(undefined)
  }
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let bytes = 0
    const collect = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes <= maxBytes) {
        chunks.push(chunk)
      } else {
        chunks = []
        resolve(undefined)
      }
    }
    const finish = (): void => {
      resolve(Buffer.concat(chunks).toString())
      // the request stays as long as its answer, which may be a stream without end: it shall not keep its body
      request.off('data', collect).off('error', reject)
    }
    request.on('data', collect).once('end', finish).once('error', reject)
  })
}

/** Closes the connection of a request whose body has not wholly arrived after this many milliseconds. */
export function limitBodyTime(request: IncomingMessage, timeout: number): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && !Number(length)) return
  const deadline = setTimeout(() => request.destroy(new Error('the body took too long')), timeout)
  const clear = (): void => clearTimeout(deadline)
  request.once('end', clear).once('close', clear)
}
