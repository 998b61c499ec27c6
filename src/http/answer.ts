import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Stream, StreamScope } from './streams.ts'

/** Answers with JSON. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers })
  response.end(JSON.stringify(body))
}

/** Answers a refusal in GraphQL's form. */
export const refuse = (response: ServerResponse, status: number, code: string, message: string): void =>
  answerJson(response, status, { errors: [{ message, extensions: { code } }] })

/** The headers of a fetch response. */
export const headersOf = (answer: Response): OutgoingHttpHeaders => Object.fromEntries(answer.headers)

/** Whether a response is one that stays open for events. */
export const isEventStream = (answer: Response): boolean =>
  answer.headers.get('content-type')?.startsWith('text/event-stream') === true

/** Sends a fetch response, an event stream as fast as the client takes it. */
export async function send(response: ServerResponse, answer: Response, scope: StreamScope): Promise<void> {
  const isStream = isEventStream(answer)
  const text = isStream || answer.body === null ? undefined : await answer.text()
  if (response.destroyed) {
    await answer.body?.cancel()
    return
  }
  response.writeHead(answer.status, headersOf(answer))
  if (isStream && answer.body) await sendEvents(response, answer.body, scope)
  else sendText(response, text, scope)
}

/** Longer answers may not fit into what the network holds for a client that does not read. */
const LONG = 64 * 1024

function sendText(
  response: ServerResponse,
  text: string | undefined,
  { requestId, streams }: StreamScope,
): void {
  if (text !== undefined && text.length > LONG) streams.limit(response, requestId)
  response.end(text)
}

async function sendEvents(
  response: ServerResponse,
  events: AsyncIterable<unknown>,
  { requestId, streams }: StreamScope,
): Promise<void> {
  const end = (): void => void response.destroy()
  const stream: Stream = {
    requestId,
    get pendingBytes() {
      return response.writableLength
    },
    // the events bring their own
    beat() {},
    shed: end,
    goAway: end,
    destroy: end,
  }
  streams.add(stream)
  try {
    await pipeline(events, response)
  } finally {
    streams.delete(stream)
  }
}
