import { once } from 'node:events'
import { type Client, createClient, type FormattedExecutionResult } from 'graphql-ws'
import { request } from 'undici'
import { WebSocket } from 'ws'

/** Sends an operation by POST; returns the status, headers and parsed body of the response. */
export async function post(
  url: string,
  query: string,
  { variables, headers = {} }: { variables?: Record<string, unknown>; headers?: Record<string, string> } = {},
) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** A graphql-ws client that does not reconnect by itself. */
export const wsClient = (url: string): Client =>
  createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 })

type Result = FormattedExecutionResult<Record<string, unknown>, unknown>

/** A subscription by a graphql-ws client, as an iterator of its results. */
export const iterate = (
  client: Client,
  query: string,
  variables: Record<string, unknown> = {},
): AsyncIterableIterator<Result> => client.iterate({ query, variables })

/** The next results. */
export async function take<Item>(items: AsyncIterator<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = []
  while (taken.length < count) {
    const { done, value } = await items.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

export interface Message {
  readonly type: string
  readonly id?: string
  readonly payload?: unknown
}

/** A WebSocket client that writes the messages of graphql-transport-ws itself. */
export class RawClient {
  readonly socket: WebSocket
  readonly #messages: Message[] = []
  readonly #waiting: ((message: Message) => void)[] = []
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(url: string, options: { origin?: string; headers?: Record<string, string> } = {}) {
    this.socket = new WebSocket(url, 'graphql-transport-ws', options)
    this.socket.on('message', (text) => {
      const message: Message = JSON.parse(String(text))
      const waiting = this.#waiting.shift()
      if (waiting) waiting(message)
      else this.#messages.push(message)
    })
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /** Resolves after the connection is acknowledged. */
  static async open(url: string): Promise<RawClient> {
    const client = new RawClient(url)
    await once(client.socket, 'open')
    client.send({ type: 'connection_init' })
    await client.next()
    return client
  }

  send(message: Message): void {
    this.socket.send(JSON.stringify(message))
  }

  subscribe(id: string, query: string, variables?: Record<string, unknown>): void {
    this.send({ type: 'subscribe', id, payload: { query, variables } })
  }

  next(): Promise<Message> {
    const message = this.#messages.shift()
    return message ? Promise.resolve(message) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves after the server has handled everything that was sent before. */
  async settled(): Promise<void> {
    const pong = once(this.socket, 'pong')
    this.socket.ping()
    await pong
  }

  close(): void {
    this.socket.terminate()
  }
}

export interface ServerSentEvent {
  readonly id?: string
  readonly event?: string
  readonly data?: string
}

/** Sends an operation by POST that requests an event stream; returns the response and its events without comments. */
export async function eventStream(
  url: string,
  query: string,
  { variables, headers = {} }: { variables?: Record<string, unknown>; headers?: Record<string, string> } = {},
) {
  const response = await request(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query, variables }),
  })
  return {
    status: response.statusCode,
    headers: response.headers,
    body: response.body,
    events: eventsOf(response.body),
  }
}

/** The events of a stream of text. */
export async function* eventsOf(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent, undefined> {
  let text = ''
  for await (const chunk of chunks) {
    text += Buffer.from(chunk).toString()
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const event = Object.fromEntries(
        lines.flatMap((line) => {
          const [, name, value = ''] = /^(\w+): ?(.*)$/s.exec(line) ?? []
          return name === undefined ? [] : [[name, value]]
        }),
      )
      if (Object.keys(event).length > 0) yield event
    }
  }
  return undefined
}

/** Resolves when the condition holds, which it checks in each iteration of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
