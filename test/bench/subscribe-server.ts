/** One of the servers that `subscribe.ts` compares, in its own process; the first argument is its name. */
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pino from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import { OPEN } from '../../src/access/authentication.ts'
import type { SharedContext } from '../../src/graphql/kit/context.ts'
import { createServer } from '../../src/http/server.ts'
import { createWorld, filterOf } from '../http/world.ts'
import { type Command, EXAMPLE_ID, type Subject } from './subscribe-protocol.ts'

interface Fanout {
  readonly port: number
  /** Sends this many pushes to all subscribers, numbered from `first`. */
  push(first: number, count: number): void
}

const subjects: Record<Subject, () => Promise<Fanout>> = {
  'graphql-ws': serveApi,
  SSE: serveApi,
  'bare ws': serveBareWebSockets,
  'bare node:http': serveBareEvents,
}

async function serveApi(): Promise<Fanout> {
  const world = createWorld()
  const server = createServer({
    schema: world.schema,
    domain: { changeLog: world.changeLog } as Partial<SharedContext> as SharedContext &
      Pick<typeof world, 'changeLog'>,
    authentication: OPEN,
    subscriptions: { imagePushed: filterOf },
    log: pino({ level: 'silent' }),
    // keep-alive comments would be counted as events
    timings: { keepAlive: 3_600_000 },
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    port,
    push(_first, count) {
      for (let i = 0; i < count; i++) world.push({ tag: 'latest' })
    },
  }
}

/** Returns the message of this server for one push. */
const readyResult = (sequence: number): string =>
  JSON.stringify({
    data: {
      imagePushed: {
        sequence,
        cursor: Buffer.from(`push:${EXAMPLE_ID}:${sequence}`).toString('base64url'),
        namespace: 'default',
        imageStreamName: 'ruby',
        tag: 'latest',
        padding: 'x'.repeat(200),
      },
    },
  })

const readyTexts = (first: number, count: number, text: (sequence: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => text(first + i))

async function serveBareWebSockets(): Promise<Fanout> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 1024 })
  const clients = new Set<WebSocket>()
  server.on('connection', (socket) => {
    clients.add(socket)
    socket.on('message', () => {})
    socket.once('close', () => clients.delete(socket))
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    push(first, count) {
      const texts = readyTexts(
        first,
        count,
        (sequence) => `{"id":"${EXAMPLE_ID}","type":"next","payload":${readyResult(sequence)}}`,
      )
      for (const text of texts) for (const client of clients) client.send(text)
    },
  }
}

async function serveBareEvents(): Promise<Fanout> {
  const clients = new Set<ServerResponse>()
  const server = createHttpServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write(':\n\n')
    clients.add(response)
    response.once('close', () => clients.delete(response))
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 })
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    push(first, count) {
      const texts = readyTexts(first, count, (sequence) => {
        const id = Buffer.from(`push:${EXAMPLE_ID}:${sequence}`).toString('base64url')
        return `id: ${id}\nevent: next\ndata: ${readyResult(sequence)}\n\n`
      })
      for (const text of texts) for (const client of clients) client.write(text)
    },
  }
}

const fanout = await subjects[process.argv[2] as Subject]()
process.on('message', ({ command, first = 0, count = 0 }: Command) => {
  const startedAt = Number(process.hrtime.bigint())
  if (command === 'push') {
    fanout.push(first, count)
    process.send?.({ startedAt })
  } else if (command === 'usage') {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    process.send?.({ rss: process.memoryUsage().rss, cpu: user + system })
  }
})
process.send?.({ port: fanout.port })
