import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { RateLimitedError } from '../../access/right/errors.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import { OciError } from '../../oci/oci-error.ts'
import type { BodyMemory } from '../../request-body/body-budget.ts'
import type { UnreadBodyError } from '../../request-body/errors.ts'
import { respondJson } from '../../request-body/respond.ts'
import type { RequestRecord } from './request-record.ts'
import type { StreamingConnection, StreamingScope } from './streaming-connections.ts'

/** A request, its response, the id of both in the log, the address of the client, and the memory for the request's body. */
export interface HttpExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** Null when the connection is closed. */
  readonly address: string | null
  readonly memory: BodyMemory
  /** What the log and the metrics have about the request; endpoints add to it. */
  readonly record: RequestRecord
}

/** An exchange whose client is known. */
export interface ViewerExchange extends HttpExchange {
  readonly viewer: Viewer
}

/** Responds with an error in GraphQL's form. */
export const refuse = (
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: OutgoingHttpHeaders = {},
): void => respondJson(response, status, { errors: [{ message, extensions: { code } }] }, headers)

/** Responds with an error in the form of the registry, whose clients print its message. Source: OCI distribution-spec, error codes. */
export const refuseToRegistryClient = (response: ServerResponse, status: number, message: string): void =>
  respondJson(response, status, new OciError('DENIED', message, { status }).toBody())

/** Responds to a request of a client that has used too much, with an error in GraphQL's form. */
export const refuseRate = (
  response: ServerResponse,
  { code, message, retryAfterSeconds }: RateLimitedError,
): void =>
  respondJson(
    response,
    429,
    { errors: [{ message, extensions: { code, retryAfterSeconds } }] },
    { 'Retry-After': retryAfterSeconds },
  )

/** Responds to a request whose body was not read, with an error in GraphQL's form. */
export function refuseUnread(response: ServerResponse, { status, message, headers }: UnreadBodyError): void {
  const code = status === 413 ? 'TOO_COMPLEX' : 'UNAVAILABLE'
  respondJson(response, status, { errors: [{ message, extensions: { code } }] }, headers)
}

/** Returns the headers of a fetch response. */
export const headersOf = (result: Response): OutgoingHttpHeaders => Object.fromEntries(result.headers)

/** Reports whether a fetch response is an event stream. */
export const isEventStream = (result: Response): boolean =>
  result.headers.get('content-type')?.startsWith('text/event-stream') === true

/** Sends a fetch response, an event stream as fast as the client reads it. */
export async function send(response: ServerResponse, result: Response, scope: StreamingScope): Promise<void> {
  const isStream = isEventStream(result)
  const text = isStream || result.body === null ? undefined : await result.text()
  if (response.destroyed) {
    await result.body?.cancel()
    return
  }
  response.writeHead(result.status, headersOf(result))
  if (isStream && result.body) await sendEvents(response, result.body, scope)
  else sendText(response, text, scope)
}

/** Longer responses may not fit into the network's buffers for a client that does not read. */
const LONG = 64 * 1024

function sendText(
  response: ServerResponse,
  text: string | undefined,
  { requestId, viewer, connections }: StreamingScope,
): void {
  if (text !== undefined && text.length > LONG) {
    const connection = connectionOf(response, { requestId, viewer })
    connections.add(connection)
    response.once('close', () => connections.delete(connection))
    connections.mayWrite(connection, text.length)
  }
  response.end(text)
}

async function sendEvents(
  response: ServerResponse,
  events: AsyncIterable<unknown>,
  { requestId, viewer, connections }: StreamingScope,
): Promise<void> {
  const connection = connectionOf(response, { requestId, viewer }, () => response.destroy())
  connections.add(connection)
  try {
    await pipeline(events, response)
  } finally {
    connections.delete(connection)
  }
}

/** Returns the connection of a response; `goAway` ends a stream, whereas another response is sent to its end. */
export function connectionOf(
  response: ServerResponse,
  { requestId, viewer }: Pick<StreamingScope, 'requestId' | 'viewer'>,
  goAway = () => {},
): StreamingConnection {
  const end = (): void => void response.destroy()
  return {
    requestId,
    viewer,
    get pendingBytes() {
      return response.writableLength
    },
    // the events of a stream contain keep-alives of their own
    keepAlive() {},
    closeSlowReader: end,
    closeUnauthenticated: end,
    goAway,
    destroy: end,
  }
}
