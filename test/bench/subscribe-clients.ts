/**
 * Thousands of subscribers in one process with minimal cost, so that the servers are measured: TCP sockets that
 * count frames or events and check the last one.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Command, QUERY, type Subject } from './subscribe-protocol.ts'

let sockets: Socket[] = []
let expected = 0
let last = ''
let waiting = 0

/** Counts the messages to a subscriber; reports when it has all of them. */
class Counter {
  count = 0
  add(events: number, chunk: Buffer): void {
    if (events === 0) return
    this.count += events
    if (this.count < expected) return
    if (this.count > expected || !chunk.includes(last))
      throw new Error('a subscriber received an unexpected message')
    this.count = 0
    if (--waiting === 0) process.send?.({ doneAt: Number(process.hrtime.bigint()) })
  }
}

/** Counts WebSocket frames, whose headers may be split anywhere. */
function frames(counter: Counter): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let skip = 0
  return (chunk) => {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = skip
    let events = 0
    if (skip > 0 && skip <= data.length) events++
    while (at + 4 <= data.length) {
      const short = (data[at + 1] ?? 0) & 0x7f
      at += short === 126 ? 4 + data.readUInt16BE(at + 2) : 2 + short
      if (at <= data.length) events++
    }
    rest = at < data.length ? data.subarray(at) : Buffer.alloc(0)
    skip = at > data.length ? at - data.length : 0
    counter.add(events, chunk)
  }
}

/** Counts the empty lines that end events. */
function events(counter: Counter): (chunk: Buffer) => void {
  let endsInLine = false
  return (chunk) => {
    let count = endsInLine && chunk[0] === 0x0a ? 1 : 0
    for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) count++
    endsInLine = chunk.at(-1) === 0x0a && chunk.at(-2) !== 0x0a
    counter.add(count, chunk)
  }
}

/** Returns a client's text frame, masked with zeros. */
function clientFrame(message: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(message))
  const header =
    text.length < 126 ? [0x81, 0x80 | text.length] : [0x81, 0xfe, text.length >> 8, text.length & 0xff]
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), text])
}

const PING = Buffer.from([0x89, 0x80, 0, 0, 0, 0])

async function webSocket(port: number, sendsProtocol: boolean): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.write(
    'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${sendsProtocol ? 'Sec-WebSocket-Protocol: graphql-transport-ws\r\n' : ''}\r\n`,
  )
  await once(socket, 'data')
  if (sendsProtocol) {
    socket.write(clientFrame({ type: 'connection_init' }))
    await once(socket, 'data')
    socket.write(clientFrame({ type: 'subscribe', id: randomUUID(), payload: { query: QUERY } }))
  }
  socket.write(PING)
  await once(socket, 'data')
  socket.on('data', frames(new Counter()))
  return socket
}

async function eventStream(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  const body = JSON.stringify({ query: QUERY })
  socket.write(
    'POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
  let head = ''
  while (!head.includes('\n:\n\n')) head += String((await once(socket, 'data'))[0])
  socket.on('data', events(new Counter()))
  return socket
}

const open: Record<Subject, (port: number) => Promise<Socket>> = {
  'graphql-ws': (port) => webSocket(port, true),
  'bare ws': (port) => webSocket(port, false),
  SSE: eventStream,
  'bare node:http': eventStream,
}

process.on('message', async ({ command, subject = 'bare ws', port = 0, count = 0, first = 0 }: Command) => {
  if (command === 'connect') {
    for (const socket of sockets) socket.destroy()
    sockets = []
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(100, count - sockets.length) }, () => open[subject](port))
      sockets.push(...(await Promise.all(batch)))
    }
    process.send?.({ connected: sockets.length })
  } else if (command === 'expect') {
    expected = count
    last = `"sequence":${first + count - 1},`
    waiting = sockets.length
    process.send?.({ ready: true })
  }
})
process.send?.({ started: true })
