import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { bodyLength } from '../../request-body/read-body.ts'
import { answer, type Exchange } from './exchange.ts'

/** Bytes that are read and forgotten, so that a client that sends them for nothing keeps its connection. */
const DRAINED = 64 * 1024
/** Bytes that a refused client may still send while it has its answer to read, before it is cut off. */
const LINGERING = 1024 * 1024
/** Milliseconds that it may take for that. */
const LINGER = 2_000

/** Cuts the connection of a client that sends no byte of its body for this many milliseconds. */
export function endWhenIdle(request: IncomingMessage, response: ServerResponse, idle: number): void {
  request.setTimeout(idle, () => void request.destroy())
  request.once('end', () => {
    // after the answer the server's own time for a connection without requests is set
    if (!response.writableEnded) request.socket.setTimeout(0)
  })
}

const isLong = (request: IncomingMessage): boolean =>
  !request.complete && (bodyLength(request) ?? Number.POSITIVE_INFINITY) > DRAINED

/** Leaves a body unread: a long one costs the client its connection once it has the answer. */
export function ignoreBody(request: IncomingMessage, response: ServerResponse): void {
  if (isLong(request)) response.setHeader('Connection', 'close')
}

/**
 * Answers without the rest of the body. A client that is in the middle of a long one can read the answer before its
 * connection goes: what was cut at once would come as a reset, and take the answer with it.
 */
export async function answerEarly(
  exchange: Pick<Exchange, 'request' | 'response'>,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string,
): Promise<void> {
  const { request, response } = exchange
  if (!isLong(request)) {
    answer(exchange, status, headers, body)
    request.resume()
    return
  }
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' })
  if (request.method === 'HEAD') response.flushHeaders()
  else response.write(body)
  await lingered(request)
  response.end()
}

function lingered(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let left = LINGERING
    const timer = setTimeout(resolve, LINGER)
    const finish = (): void => {
      clearTimeout(timer)
      resolve()
    }
    request.once('end', finish).once('close', finish)
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) finish()
    })
    // whoever read it before has paused it
    request.resume()
  })
}
