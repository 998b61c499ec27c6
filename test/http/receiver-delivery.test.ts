import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { networkOf } from '../../src/access/identity/network.ts'
import type { DeliveryEndpoint, OpenDelivery } from '../../src/http/endpoints/receiver-delivery.ts'
import { MAX_DELIVERY_BYTES } from '../../src/http/request/limits.ts'
import { type Api, startApi } from './api.ts'

type Received = Parameters<OpenDelivery['receive']>[0]

/** A server with one receiver that accepts every delivery. */
async function start(open: Partial<OpenDelivery> = {}, overrides: Parameters<typeof startApi>[0] = {}) {
  const received: Received[] = []
  const sources: string[] = []
  const deliveries: DeliveryEndpoint = {
    open(path, source) {
      if (path !== '/webhooks/here') return undefined
      sources.push(source)
      return {
        sender: 'GENERIC',
        methods: ['POST', 'OPTIONS'],
        wait: 0,
        async receive(delivery) {
          received.push(delivery)
          return { status: 202, body: { outcome: 'ACCEPTED' } }
        },
        ...open,
      }
    },
  }
  const api = await startApi({ deliveries, ...overrides })
  return {
    api,
    received,
    sources,
    url: `http://${api.host}/webhooks/here`,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

/** Sends raw bytes, and returns the complete response. */
async function raw(api: Api, request: string): Promise<string> {
  const [host = '', port] = api.host.split(':')
  const socket = connect(Number(port), host)
  await once(socket, 'connect')
  socket.end(request)
  return text(socket)
}

describe('a delivery over HTTP', () => {
  it('is passed on with its exact bytes, its headers in lower case, and its query', async () => {
    await using it = await start()
    const body = Buffer.from([0xff, 0x00, 0x7b, 0x0d, 0x0a])

    const response = await fetch(`${it.url}?secret=a%20b&x=1`, {
      method: 'POST',
      headers: { 'X-Hub-Signature-256': 'sha256=abc' },
      body,
    })

    expect([response.status, await response.json()]).toEqual([202, { outcome: 'ACCEPTED' }])
    expect(it.received).toHaveLength(1)
    const [delivery] = it.received
    expect(delivery?.method).toBe('POST')
    expect(Buffer.from(delivery?.body ?? []).equals(body)).toBe(true)
    expect(delivery?.headers['x-hub-signature-256']).toBe('sha256=abc')
    expect(delivery?.query.get('secret')).toBe('a b')
    expect(it.sources).toEqual(['127.0.0.1'])
  })

  it('may be a handshake, with the sender’s own response', async () => {
    const headers = { 'WebHook-Allowed-Origin': 'eventgrid.azure.net' }
    await using it = await start({ receive: async () => ({ status: 200, body: null, headers }) })

    const response = await fetch(it.url, { method: 'OPTIONS' })

    expect([response.status, await response.text(), response.headers.get('webhook-allowed-origin')]).toEqual([
      200,
      '',
      'eventgrid.azure.net',
    ])
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])(
    'with %s is refused, with the allowed methods',
    async (method) => {
      await using it = await start()

      const response = await fetch(it.url, { method })

      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
      expect(it.received).toEqual([])
    },
  )

  it('has at most 2 MiB: one byte more is refused, announced or not', async () => {
    await using it = await start()
    const post = (body: BodyInit) => fetch(it.url, { method: 'POST', body, duplex: 'half' } as RequestInit)
    const bytes = (length: number) => new Uint8Array(length)
    const streamed = (length: number) => new Blob([bytes(length)]).stream()

    expect((await post(bytes(MAX_DELIVERY_BYTES))).status).toBe(202)
    expect((await post(bytes(MAX_DELIVERY_BYTES + 1))).status).toBe(413)
    expect((await post(streamed(MAX_DELIVERY_BYTES))).status).toBe(202)
    expect((await post(streamed(MAX_DELIVERY_BYTES + 1))).status).toBe(413)
    expect(it.received.map(({ body }) => body.length)).toEqual([MAX_DELIVERY_BYTES, MAX_DELIVERY_BYTES])
  })

  it('is refused unread, with Retry-After, while its source is limited', async () => {
    await using it = await start({ wait: 7 })

    const response = await fetch(it.url, { method: 'POST', body: 'x' })

    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7'])
    expect(it.received).toEqual([])
  })

  it('is refused with Retry-After while there is no memory for its body', async () => {
    await using it = await start({}, { bodyMemory: 20 })
    const post = (body: string) => fetch(it.url, { method: 'POST', body })

    const refused = await post('eleven byte')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await post('ten bytes!')).status).toBe(202)
    expect((await post('ten bytes!')).status).toBe(202)
  })

  it('holds memory while it is processed', async () => {
    const judging = new EventEmitter()
    const receive = async () => {
      judging.emit('begun')
      await once(judging, 'over')
      return { status: 202, body: null }
    }
    await using it = await start({ receive }, { bodyMemory: 20 })
    const post = (body: string) => fetch(it.url, { method: 'POST', body })
    const begun = once(judging, 'begun')

    const first = post('ten bytes!')
    await begun
    expect((await post('x')).status).toBe(503)
    judging.emit('over')
    expect((await first).status).toBe(202)
    judging.once('begun', () => setImmediate(() => judging.emit('over')))
    expect((await post('ten bytes!')).status).toBe(202)
  })

  it('that is sent too slowly is cut', async () => {
    await using it = await start({}, { timings: { bodyTimeout: 100 } })
    const socket = connect(Number(new URL(it.url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write('POST /webhooks/here HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{')
    socket.resume()

    await once(socket, 'close')

    expect(it.received).toEqual([])
  })

  it('that is cut before its end is not received', async () => {
    await using it = await start()

    await raw(it.api, 'POST /webhooks/here HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345')

    expect(it.received).toEqual([])
    expect(JSON.stringify(it.api.lines)).not.toContain('internal error')
  })

  it('is accepted under any host name, for example through a proxy', async () => {
    await using it = await start({}, { localNames: false })
    const to = (path: string) =>
      raw(
        it.api,
        `POST ${path} HTTP/1.1\r\nHost: streams.example.org\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      )

    expect(await to('/webhooks/here')).toMatch(/^HTTP\/1\.1 202 /)
    expect(await to('/webhooks/nowhere')).toMatch(/^HTTP\/1\.1 421 /)
    expect(await to('/graphql')).toMatch(/^HTTP\/1\.1 421 /)
  })

  it('to an unknown receiver gets the response of any unknown path', async () => {
    await using it = await start()
    const send = async (path: string) => {
      const response = await fetch(`http://${it.api.host}${path}`, { method: 'POST', body: '{}' })
      const { 'x-request-id': _id, date: _date, ...headers } = Object.fromEntries(response.headers)
      return { status: response.status, headers, body: await response.text() }
    }

    const nothing = await send('/no/such/path')
    expect(nothing.status).toBe(404)
    for (const path of [
      '/webhooks/nowhere',
      '/webhooks/',
      '/webhooks/registry',
      `/webhooks/${'a'.repeat(43)}`,
    ]) {
      expect(await send(path)).toEqual(nothing)
    }
  })

  it('is logged without the secret of its path', async () => {
    await using it = await start()

    await fetch(`${it.url}?secret=canary`, { method: 'POST', body: 'canary' })

    expect(JSON.stringify(it.api.lines)).not.toContain('canary')
  })
})

describe('the source of a delivery', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::', 'fe80:0:0:0::/64'],
  ])('%s counts as %s: one host has a whole network of IPv6', (remoteAddress, source) => {
    expect(networkOf(remoteAddress)).toBe(source)
  })
})
