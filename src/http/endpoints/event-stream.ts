import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { formatError } from '../../graphql/kit/errors.ts'
import type { PushPage, PushReader, PushSubscription } from '../../graphql/live/push-hub.ts'
import type { StreamingConnection, StreamingScope } from '../request/streaming-connections.ts'

/** Source: GraphQL over SSE, distinct connections mode. */
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // prevents nginx from buffering the events
  'X-Accel-Buffering': 'no',
}

const COMMENT = ':\n\n'
const COMPLETE = 'event: complete\ndata:\n\n'

/** Responds with the pushes of a subscription until the client or the server closes the connection. */
export function streamPushes(
  response: ServerResponse,
  subscription: PushSubscription,
  { headers, requestId, connections }: StreamingScope & { readonly headers: OutgoingHttpHeaders },
): void {
  const stream = new PushStream(response, requestId)
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

class PushStream implements PushReader, StreamingConnection {
  readonly requestId: string
  readonly #response: ServerResponse

  constructor(response: ServerResponse, requestId: string) {
    this.#response = response
    this.requestId = requestId
  }

  take(page: PushPage): boolean {
    if (this.#response.writableNeedDrain) return false
    if (!this.#response.destroyed) this.#response.write(eventsOf(page))
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

  goAway(): void {
    this.#response.end()
  }

  destroy(): void {
    this.#response.destroy()
  }
}

const pages = new WeakMap<PushPage, Buffer>()

/** Returns a page as events, encoded once for all its readers. */
function eventsOf(page: PushPage): Buffer {
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
