import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { GraphQLError } from 'graphql'
import type { Viewer } from '../../access/right/viewer.ts'
import { formatError } from '../../graphql/kit/errors.ts'
import type { ChangePage, ChangeReader, ChangeSubscription } from '../../graphql/live/change-hub.ts'
import { isTooDeep, MAX_DEPTH } from '../../oci/json.ts'
import { readBody } from '../../request-body/read-body.ts'
import type { OperationContext } from '../pipeline/operation-context.ts'
import { GRAPHQL_PATH, type GraphQLEntry } from '../pipeline/pipeline.ts'
import { MAX_BODY_BYTES } from '../request/limits.ts'
import { sendLongResult } from '../request/long-result.ts'
import { newOperation } from '../request/request-record.ts'
import { headersOf, isEventStream, refuse, send, type ViewerExchange } from '../request/response.ts'
import { partyOf } from '../request/sender.ts'
import type { StreamingConnection, StreamingScope } from '../request/streaming-connections.ts'

const NO_BODY = Buffer.alloc(0)
const TOO_DEEP = `Limit of ${MAX_DEPTH} levels of JSON exceeded.`

/** Runs the operation of a request, and responds with its result or with a stream of results. */
export async function respondGraphQL(
  { pipeline, connections, costs, createContext }: GraphQLEntry,
  { request, response, requestId, viewer, memory, record }: ViewerExchange,
): Promise<void> {
  const party = partyOf(viewer)
  const tellLimit = (): void => {
    if (!response.headersSent) response.setHeaders(costs.headers(party))
  }
  tellLimit()
  costs.admit(party)
  if (request.headers.accept?.includes('text/event-stream')) connections.admit(viewer)
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
  const body = hasBody ? await readBody(request, { maxBytes: MAX_BODY_BYTES, memory }) : NO_BODY
  if (isTooDeep(body)) return refuse(response, 400, 'TOO_COMPLEX', TOO_DEEP)
  const { method = 'GET', url = GRAPHQL_PATH, headers } = request
  const lastEventId = headers['last-event-id']
  if (response.destroyed) return
  record.operation = newOperation()
  const taken: NonNullable<OperationContext['taken']> = {}
  const context = createContext(requestId, viewer, request.socket)
  const { work } = context
  response.once('close', () => {
    if (response.writableFinished) work.finish()
    else work.abort()
  })
  // also the parser and the validation run in this client's turn
  await work.nextTurn()
  const result = await pipeline.handleRequest(
    // the pipeline does not use the host, and the client's `Host` may be no valid host
    new pipeline.fetchAPI.Request(`http://localhost${url}`, {
      method,
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body: body.toString() }),
    }),
    {
      ...context,
      lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : undefined,
      operation: record.operation,
      taken,
    },
  )
  tellLimit()
  if (isEventStream(result)) record.isStream = true
  const scope = { requestId, viewer, connections }
  const head = { status: result.status, headers: headersOf(result), ...scope }
  if (taken.changes && isEventStream(result) && !response.destroyed) {
    // others of the principal may have begun since the request came
    connections.admit(viewer)
    streamChanges(response, taken.changes, head)
  } else if (taken.result) {
    // the body of the result is not read: a stream has not begun
    const around = isEventStream(result) ? EVENT : undefined
    await sendLongResult(response, taken.result, { ...head, work, ...(around && { around }) })
  } else {
    await send(response, result, scope)
  }
}

/** Source: GraphQL over SSE, distinct connections mode. */
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // prevents nginx from buffering the events
  'X-Accel-Buffering': 'no',
}

/** Last result of a stream whose viewer has signed out or was revoked. */
const NOT_VALID = new GraphQLError('the credential is no longer valid', {
  extensions: { code: 'UNAUTHENTICATED' },
})

const COMMENT = ':\n\n'
const COMPLETE = 'event: complete\ndata:\n\n'
const EVENT = ['event: next\ndata: ', `\n\n${COMPLETE}`] as const

/** Responds with the entries of a subscription until the client or the server closes the connection. */
function streamChanges(
  response: ServerResponse,
  subscription: ChangeSubscription,
  { headers, requestId, viewer, connections }: StreamingScope & { readonly headers: OutgoingHttpHeaders },
): void {
  const stream = new ChangeStream(response, { requestId, viewer, connections })
  connections.add(stream)
  // the end of the connection ends the stream: without chunks the same bytes can be sent to all clients
  response.removeHeader('Transfer-Encoding')
  response.writeHead(200, { ...headers, ...HEADERS })
  // flushed alone, the head is one flat string; otherwise Node.js keeps the pieces that it was joined from
  response.flushHeaders()
  response.write(COMMENT)
  const member = subscription.read(stream)
  response.on('drain', () => member.resume())
  response.once('close', () => {
    member.leave()
    connections.delete(stream)
  })
}

class ChangeStream implements ChangeReader, StreamingConnection {
  readonly requestId: string
  viewer: Viewer
  readonly #response: ServerResponse
  readonly #connections: StreamingScope['connections']

  constructor(response: ServerResponse, { requestId, viewer, connections }: StreamingScope) {
    this.#response = response
    this.requestId = requestId
    this.viewer = viewer
    this.#connections = connections
  }

  take(page: ChangePage): boolean {
    if (this.#response.writableNeedDrain) return false
    const events = eventsOf(page)
    if (this.#connections.mayWrite(this, events.length)) this.#response.write(events)
    return true
  }

  fail(error: GraphQLError): void {
    const result = JSON.stringify({ errors: [formatError(error)] })
    this.#response.end(`event: next\ndata: ${result}\n\n${COMPLETE}`)
  }

  get pendingBytes(): number {
    return this.#response.writableLength
  }

  keepAlive(): void {
    this.#response.write(COMMENT)
  }

  closeSlowReader(): void {
    // without "complete": the client reconnects with its last id
    this.destroy()
  }

  closeUnauthenticated(): void {
    // the subscription may have ended with the same change
    if (this.#response.writableEnded) return
    // what waits for the client is not sent any more
    if (this.pendingBytes > 0) this.destroy()
    else this.fail(NOT_VALID)
  }

  goAway(): void {
    this.#response.end()
  }

  destroy(): void {
    this.#response.destroy()
  }
}

const pages = new WeakMap<ChangePage, Buffer>()

/** Returns a page as events, encoded once for all its readers. */
function eventsOf(page: ChangePage): Buffer {
  const known = pages.get(page)
  if (known) return known
  const parts = page.results.flatMap(({ cursor, json }) => [
    Buffer.from(`id: ${cursor}\nevent: next\ndata: `),
    json,
    Buffer.from('\n\n'),
  ])
  const events = Buffer.concat(parts)
  pages.set(page, events)
  return events
}
