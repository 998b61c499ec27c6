import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { bodyLength } from '../../request-body/read-body.ts'
import { type RegistryExchange, respond } from './exchange.ts'

/** Maximum bytes of an unused body that are read and discarded to keep the connection. */
const MAX_DRAINED = 64 * 1024
/** Maximum bytes that a client may still send while it reads an early response. */
const MAX_LINGERING = 1024 * 1024
/** Milliseconds that a client has to read an early response. */
const LINGER_TIME = 2_000

/** Destroys the request when no byte of its body arrives for `idle` milliseconds. */
export function endWhenIdle(request: IncomingMessage, response: ServerResponse, idle: number): void {
  request.setTimeout(idle, () => void request.destroy())
  request.once('end', () => {
    // after the response Node.js has set its own timeout for an idle connection
    if (!response.writableEnded) request.socket.setTimeout(0)
  })
}

const isLong = (request: IncomingMessage): boolean =>
  !request.complete && (bodyLength(request) ?? Number.POSITIVE_INFINITY) > MAX_DRAINED

/** Leaves the body unread; after a long one the connection closes with the response. */
export function ignoreBody(request: IncomingMessage, response: ServerResponse): void {
  if (isLong(request)) response.setHeader('Connection', 'close')
}

/**
 * Sends a response before the body has arrived. A client that is sending a long body gets time to read the response:
 * closing the connection at once would reset it, and the client could lose the response.
 */
export async function respondEarly(
  exchange: Pick<RegistryExchange, 'request' | 'response'>,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string,
): Promise<void> {
  const { request, response } = exchange
  if (!isLong(request)) {
    respond(exchange, status, headers, body)
    request.resume()
    return
  }
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' })
  if (request.method === 'HEAD') response.flushHeaders()
  else response.write(body)
  await linger(request)
  response.end()
}

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
