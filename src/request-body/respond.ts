import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { bodyLength } from './read-body.ts'

/** Maximum bytes of an unused body that are read and discarded to keep the connection. */
const MAX_DRAINED = 64 * 1024
/** Maximum bytes that a client may still send while it reads an early response. */
const MAX_LINGERING = 1024 * 1024
/** Milliseconds that a client has to read an early response. */
const LINGER_TIME = 2_000

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' }

/** Sends a response with a complete body, which Node.js leaves out after a HEAD request. */
export function respond(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders = {},
  body: string | Uint8Array = '',
): void {
  const hasLength = status !== 204 && status !== 304
  response.writeHead(status, { ...headers, ...(hasLength && { 'Content-Length': Buffer.byteLength(body) }) })
  response.end(body)
}

/** Sends a response with a JSON body. */
export const respondJson = (
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void => respond(response, status, { ...JSON_TYPE, ...headers }, JSON.stringify(value))

/** Leaves the body of a request unread; after a long one the connection closes with the response. */
export function ignoreBody(request: IncomingMessage, response: ServerResponse): void {
  if (isLong(request)) response.setHeader('Connection', 'close')
}

/**
 * Sends JSON although the body of the request may not have arrived. A client that is sending a long body gets time to
 * read the response: closing the connection at once would reset it, and the client could lose the response.
 */
export async function respondEarly(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): Promise<void> {
  const request = response.req
  if (!isLong(request)) {
    respondJson(response, status, value, headers)
    request.resume()
    return
  }
  const body = JSON.stringify(value)
  const length = { 'Content-Length': Buffer.byteLength(body) }
  response.writeHead(status, { ...JSON_TYPE, ...headers, ...length, Connection: 'close' })
  if (request.method === 'HEAD') response.flushHeaders()
  else response.write(body)
  await linger(request)
  response.end()
}

const isLong = (request: IncomingMessage): boolean =>
  !request.complete && (bodyLength(request) ?? Number.POSITIVE_INFINITY) > MAX_DRAINED

/** Resolves when the body has ended, too much of it has arrived, or the time is over. */
function linger(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let left = MAX_LINGERING
    const timer = setTimeout(resolve, LINGER_TIME)
    const finish = (): void => {
      clearTimeout(timer)
      resolve()
    }
    request.once('end', finish).once('close', finish)
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) finish()
    })
    // an earlier reader may have paused it
    request.resume()
  })
}
