import { once } from 'node:events'
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_PENDING_BYTES } from '../../src/http/request/limits.ts'
import { TRY_AGAIN_LATER } from '../../src/http/websocket/connection.ts'
import { type Api, startApi } from '../http/api.ts'
import { eventStream, eventually, RawClient, take } from '../http/clients.ts'

let api: Api
beforeEach(async () => {
  api = await startApi({ timings: { slowReaderTimeout: 400 } })
})
afterEach(() => api[Symbol.asyncDispose]())

/** So large that the kernel's buffers of a stalled connection are full long before the last push. */
const LARGE =
  'subscription ($since: String) { imagePushed(since: $since) { cursor sequence padding(bytes: 400000) } }'
const SMALL = 'subscription ($since: String) { imagePushed(since: $since) { cursor sequence } }'

interface Payload {
  readonly data: { readonly imagePushed: { readonly sequence: number; readonly cursor: string } }
}

const pushOf = (payload: unknown) => (payload as Payload).data.imagePushed

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Bytes in buffers that are in use. */
function bufferedBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

async function sequences(client: RawClient, count: number): Promise<number[]> {
  const seen: number[] = []
  while (seen.length < count) {
    const { type, payload } = await client.next()
    if (type === 'next') seen.push(pushOf(payload).sequence)
  }
  return seen
}

/** Pushes one after the other, each when this client has received the previous one. */
async function pushPaced(count: number, pace: RawClient): Promise<number[]> {
  const seen: number[] = []
  for (let i = 0; i < count; i++) {
    api.push({})
    seen.push(...(await sequences(pace, 1)))
  }
  return seen
}

describe('one of hundreds of subscribers that stops reading', () => {
  const PUSHES = 80

  it('does not delay the others or use memory, is closed with 1013, and resumes without a gap', async () => {
    const others = await Promise.all(numbers(1, 200).map(() => RawClient.open(api.wsUrl)))
    for (const other of others) other.subscribe('a', SMALL)
    const stalled = await RawClient.open(api.wsUrl)
    stalled.subscribe('a', LARGE)
    const pace = await RawClient.open(api.wsUrl)
    pace.subscribe('a', SMALL)
    await Promise.all([...others, stalled, pace].map((client) => client.settled()))

    stalled.socket.pause()
    const before = bufferedBytes()
    const paced = await pushPaced(PUSHES, pace)
    const grown = bufferedBytes() - before

    expect(paced).toEqual(numbers(1, PUSHES))
    for (const other of others) expect(await sequences(other, PUSHES)).toEqual(numbers(1, PUSHES))
    // 32 MB if every push was kept for it; a second's results and a page may be
    expect(grown).toBeLessThan(18e6)

    await eventually(() => api.lines.some(({ msg }) => msg === 'slow reader closed'))
    stalled.socket.resume()
    expect(await stalled.closed).toEqual({
      code: TRY_AGAIN_LATER,
      reason: 'try again later: slow reader, resume from your last cursor',
    })

    const seen = []
    let since: string | undefined
    for (;;) {
      const { type, payload } = await Promise.race([
        stalled.next(),
        Promise.resolve({ type: 'none', payload: {} }),
      ])
      if (type !== 'next') break
      seen.push(pushOf(payload).sequence)
      since = pushOf(payload).cursor
    }
    expect(seen.length).toBeLessThan(PUSHES)
    const again = await RawClient.open(api.wsUrl)
    again.subscribe('a', SMALL, { since })
    seen.push(...(await sequences(again, PUSHES - seen.length)))
    expect(seen).toEqual(numbers(1, PUSHES))
    for (const client of [...others, pace, again]) client.close()
  })

  it('is disconnected from an event stream, and resumes after its last id', async () => {
    const [host, port] = api.host.split(':')
    const stalled = connect(Number(port), host)
    const body = JSON.stringify({ query: LARGE })
    stalled.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    let text = String((await once(stalled, 'data'))[0])
    stalled.pause()
    const pace = await RawClient.open(api.wsUrl)
    pace.subscribe('a', SMALL)
    await pace.settled()
    await pushPaced(PUSHES, pace)
    await eventually(() => api.lines.some(({ isCut }) => isCut === true))
    stalled.on('data', (chunk) => {
      text += chunk
    })
    stalled.on('error', () => {})
    stalled.resume()
    await new Promise((resolve) => stalled.once('close', resolve))
    const ids = [...text.matchAll(/^id: (.*)\nevent: next\ndata: .*\n$/gm)].map(([, id]) => id ?? '')
    expect(ids.length).toBeLessThan(PUSHES)
    const resumed = await eventStream(api.url, SMALL, { headers: { 'Last-Event-ID': ids.at(-1) ?? '' } })
    const events = await take(resumed.events, PUSHES - ids.length)
    expect(events.map(({ data }) => pushOf(JSON.parse(data ?? '')).sequence)).toEqual(
      numbers(ids.length + 1, PUSHES),
    )
    resumed.body.destroy()
    pace.close()
  })
})

describe('a client that requests a long response and does not read it', () => {
  it('is disconnected', async () => {
    const [host, port] = api.host.split(':')
    const stalled = connect(Number(port), host)
    const body = JSON.stringify({ query: '{ padding(bytes: 40000000) }' })
    stalled.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    stalled.pause()
    await eventually(() => api.lines.some(({ msg }) => msg === 'slow reader closed'))
    stalled.destroy()
  })
})

describe('a WebSocket client that reads nothing', () => {
  it('is closed with 1013 when its operations have too much unread data, whatever it sends next', async () => {
    await using patient = await startApi()
    const stalled = await RawClient.open(patient.wsUrl)
    stalled.socket.pause()
    const before = bufferedBytes()
    for (let at = 0; at < 400; at++) stalled.subscribe(`q${at}`, '{ padding(bytes: 3000000) }')
    await eventually(() => patient.lines.some(({ msg }) => msg === 'slow reader closed'))
    // the unread results, one more, and those that were being executed; not 1.2 GB
    expect(bufferedBytes() - before).toBeLessThan(MAX_PENDING_BYTES + 50 * 3e6)
    stalled.socket.resume()
    expect(await stalled.closed).toMatchObject({ code: TRY_AGAIN_LATER })
  })

  it('is disconnected when it pings on and on', async () => {
    const [host, port] = api.host.split(':')
    const stalled = connect(Number(port), host).on('error', () => {})
    stalled.write(
      'GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    )
    await once(stalled, 'data')
    stalled.pause()
    // a masked ping of 125 bytes, many times
    const pings = Buffer.concat(
      Array(10_000).fill(Buffer.concat([Buffer.from([0x89, 0xfd]), Buffer.alloc(129)])),
    )
    let sent = 0
    while (!stalled.destroyed && sent < 1e9) {
      sent += pings.length
      if (stalled.write(pings)) continue
      await new Promise((resolve) => stalled.once('drain', resolve).once('close', resolve))
    }
    expect(sent).toBeLessThan(100e6)
  })
})

describe('a subscriber that reads slowly', () => {
  it('receives everything in order, as long as it reads something within the limit', async () => {
    const slow = await RawClient.open(api.wsUrl)
    slow.subscribe('a', LARGE)
    await slow.settled()
    slow.socket.pause()
    for (let i = 0; i < 300; i++) api.push({})
    const reading = setInterval(() => {
      slow.socket.resume()
      setImmediate(() => slow.socket.pause())
    }, 1)
    expect(await sequences(slow, 300)).toEqual(numbers(1, 300))
    clearInterval(reading)
    slow.close()
  })
})

describe('a subscriber that disappears without closing the connection', () => {
  it('is detected by missing pongs', async () => {
    await using quick = await startApi({ timings: { keepAlive: 40 } })
    const gone = await RawClient.open(quick.wsUrl)
    // as if the cable was cut: nothing is read and nothing is sent
    gone.socket.pause()
    await eventually(() => quick.lines.some(({ msg }) => msg === 'closed'))
    gone.close()
  })
})
