import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { formatError } from '../graphql/kit/errors.ts'
import type { PushPage, PushReader, PushSubscription } from '../graphql/live/push-hub.ts'
import type { Stream, StreamScope } from './streams.ts'

/** Source: GraphQL over SSE, distinct connections mode. */
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // a proxy that collects the answer would keep the events
  'X-Accel-Buffering': 'no',
}

const COMMENT = ':\n\n'
const COMPLETE = 'event: complete\ndata:\n\n'

/** Answers with the pushes of a subscription until either side ends it. */
export function streamPushes(
  response: ServerResponse,
  subscription: PushSubscription,
  { headers, requestId, streams }: StreamScope & { readonly headers: OutgoingHttpHeaders },
): void {
  const stream = new PushStream(response, requestId)
  streams.add(stream)
  // the end of the connection ends the stream: without chunks all clients are sent the very same bytes
  response.removeHeader('Transfer-Encoding')
  response.writeHead(200, { ...headers, ...HEADERS })
  // alone, the head is written from one flat string; else Node keeps the pieces that it was joined from
  response.flushHeaders()
  response.write(COMMENT)
  const member = subscription.read(stream)
  response.on('drain', () => member.resume())
  response.once('close', () => {
    member.leave()
    streams.delete(stream)
  })
}

class PushStream implements PushReader, Stream {
  readonly requestId: string
  readonly #response: ServerResponse

  constructor(response: ServerResponse, requestId: string) {
    this.#response = response
    this.requestId = requestId
  }

  take(page: PushPage): boolean {
    if (this.#response.writableNeedDrain) return false
    if (!this.#response.destroyed) this.#response.write(textOf(page))
    return true
  }

  fail(error: GraphQLError): void {
    const result = JSON.stringify({ errors: [formatError(error)] })
    this.#response.end(`event: next\ndata: ${result}\n\n${COMPLETE}`)
  }

  get pendingBytes(): number {
    return this.#response.writableLength
  }

  beat(): void {
    this.#response.write(COMMENT)
  }

  shed(): void {
    // not "complete": the client shall come back with its last id
    this.destroy()
  }

  goAway(): void {
    this.#response.end()
  }

  destroy(): void {
    this.#response.destroy()
  }
}

const texts = new WeakMap<PushPage, Buffer>()

/** A page as events, written once for all its readers. */
function textOf(page: PushPage): Buffer {
  const known = texts.get(page)
  if (known) return known
  const parts = page.results.flatMap(({ cursor, json }) => [
    Buffer.from(`id: ${cursor}\nevent: next\ndata: `),
    json,
    Buffer.from('\n\n'),
  ])
  const text = Buffer.concat(parts)
  texts.set(page, text)
  return text
}
