import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { OPEN } from '../../src/access/authentication.ts'
import { EVERYTHING } from '../../src/access/right/rights.ts'
import { anonymous } from '../../src/access/right/viewer.ts'
import { MAX_PENDING_BYTES, MAX_PENDING_BYTES_OF_ALL } from '../../src/http/request/limits.ts'
import { StreamingConnections } from '../../src/http/request/streaming-connections.ts'
import { type PrincipalName, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startApi } from './api.ts'
import { eventStream, post, RawClient } from './clients.ts'

function openConnections() {
  const connections = new StreamingConnections({
    authentication: OPEN,
    log: pino({ level: 'silent' }),
    keepAlive: 1e9,
    slowReaderTimeout: 1e9,
    perPrincipal: 10,
  })
  const ended: string[] = []
  const add = (name: string) => {
    const connection = {
      requestId: name,
      viewer: anonymous(EVERYTHING, { address: null, requestId: name }),
      pendingBytes: 0,
      keepAlive() {},
      closeSlowReader: () => void ended.push(`closed ${name}`),
      closeUnauthenticated() {},
      goAway() {},
      destroy() {
        ended.push(`destroyed ${name}`)
        connections.delete(connection)
      },
    }
    connections.add(connection)
    const write = (bytes: number): boolean => {
      const isAllowed = connections.mayWrite(connection, bytes)
      if (isAllowed) connection.pendingBytes += bytes
      return isAllowed
    }
    return { connection, write }
  }
  return { add, ended, [Symbol.dispose]: () => connections[Symbol.dispose]() }
}

describe('unread bytes are checked at each write', () => {
  it('of one client: one result may be long, and no other follows it unread', () => {
    using it = openConnections()
    const { connection, write } = it.add('a')
    expect(write(2 * MAX_PENDING_BYTES)).toBe(true)
    connection.pendingBytes = MAX_PENDING_BYTES
    expect([write(1), it.ended]).toEqual([true, []])
    expect([write(1), write(1), it.ended]).toEqual([false, false, ['closed a']])
  })

  it('of all clients: those with the most are disconnected, at once', () => {
    using it = openConnections()
    const heavy = Array.from({ length: 8 }, (_, at) => it.add(`heavy ${at}`))
    for (const { write } of heavy) expect(write(MAX_PENDING_BYTES_OF_ALL / 8 - 1_000)).toBe(true)
    const light = it.add('light')
    expect([light.write(8_000), it.ended]).toEqual([true, []])
    expect([light.write(1_000), it.ended]).toEqual([true, ['destroyed heavy 0']])
  })

  it('of all clients: bytes that were read do not count', () => {
    using it = openConnections()
    const { connection, write } = it.add('reader')
    it.add('idle')
    for (let at = 0; at < 100; at++) {
      expect(write(MAX_PENDING_BYTES)).toBe(true)
      connection.pendingBytes = 0
    }
    expect(it.ended).toEqual([])
  })
})

describe('an address', () => {
  it('has a maximum number of connections; the next gets a 503 with Retry-After, until one is closed', async () => {
    await using api = await startApi({ connectionsPerAddress: 3 })
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.open(api.wsUrl)))
    const port = Number(new URL(api.url).port)
    const dial = (localAddress: string) => {
      const socket = connect({ port, host: '127.0.0.1', localAddress })
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      return once(socket, 'data').then(([data]) => String(data))
    }
    expect(await dial('127.0.0.1')).toMatch(/^HTTP\/1\.1 503 .*\r\nRetry-After: 5\r\n/s)
    expect(await dial('127.0.0.2')).toMatch(/^HTTP\/1\.1 200 /)
    clients[0]?.close()
    await expect.poll(() => dial('127.0.0.1')).toMatch(/^HTTP\/1\.1 200 /)
    for (const client of clients) client.close()
  })
})

it('a proxy may have more connections than one address, because it has those of all its clients', async () => {
  await using api = await startApi({
    connectionsPerAddress: 1,
    isProxy: (address) => address === '127.0.0.1',
  })
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.open(api.wsUrl)))
  for (const client of clients) client.close()
})

describe('a client behind a proxy', () => {
  it('has a maximum number of requests and WebSockets, and other clients of the proxy their own', async () => {
    await using api = await startApi({
      connectionsPerAddress: 2,
      isProxy: (address) => address === '127.0.0.1',
    })
    const from = (client: string) => ({ 'x-forwarded-for': client })
    const status = async (client: string) =>
      (await post(api.url, '{ version }', { headers: from(client) })).status
    const open = [1, 2].map(() => new RawClient(api.wsUrl, { headers: from('192.0.2.1') }))
    for (const { socket } of open) await once(socket, 'open')
    expect([await status('192.0.2.1'), await status('192.0.2.2')]).toEqual([503, 200])
    const refused = new RawClient(api.wsUrl, { headers: from('192.0.2.1') })
    await refused.closed
    for (const client of open) client.close()
    await expect.poll(() => status('192.0.2.1')).toBe(200)
  })
})

describe('a principal', () => {
  const SUBSCRIPTION = 'subscription { imagePushed { tag } }'

  it('has no more event streams when the bodies of many requests arrive after all their heads', async () => {
    await using server = await startSignedInApp({ config: { connectionsPerPrincipal: 3 } })
    const body = JSON.stringify({ query: SUBSCRIPTION })
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      accept: 'text/event-stream',
      expect: '100-continue',
      ...server.headersOf('member'),
    }
    const requests = Array.from({ length: 12 }, () =>
      request(`${server.url}/graphql`, { method: 'POST', headers, agent: false }).on('error', () => {}),
    )
    const responses = requests.map((one) => once(one, 'response') as Promise<[IncomingMessage]>)
    for (const one of requests) one.flushHeaders()
    await Promise.all(requests.map((one) => once(one, 'continue')))
    for (const one of requests) one.end(body)
    const statuses = (await Promise.all(responses)).map(([{ statusCode }]) => statusCode)
    expect(statuses.sort()).toEqual([200, 200, 200, ...Array.from({ length: 9 }, () => 429)])
    for (const one of requests) one.destroy()
  })

  it('has a maximum number of WebSockets and event streams, from all addresses, until one is closed', async () => {
    await using server = await startSignedInApp({ config: { connectionsPerPrincipal: 3 } })
    const url = `${server.url}/graphql`
    const wsUrl = url.replace('http', 'ws')
    /** Presents the credential in `connection_init`. */
    const open = async (principal: PrincipalName) => {
      const client = new RawClient(wsUrl)
      await once(client.socket, 'open')
      client.send({ type: 'connection_init', payload: server.headersOf(principal) })
      return { client, first: await Promise.race([client.next(), client.closed]) }
    }
    const upgrade = async (principal: PrincipalName) => {
      const { socket } = new RawClient(wsUrl, { headers: server.headersOf(principal) })
      const status = await new Promise((resolve) => {
        socket.once('open', () => resolve(101))
        socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode))
      })
      return { socket, status }
    }
    const stream = (principal: PrincipalName) =>
      eventStream(url, SUBSCRIPTION, { headers: server.headersOf(principal) })

    const socket = await open('member')
    expect(socket.first).toEqual({ type: 'connection_ack' })
    const upgraded = await upgrade('member')
    expect(upgraded.status).toBe(101)
    const events = await stream('member')
    expect(events.status).toBe(200)

    expect((await open('member')).first).toMatchObject({ code: 1013 })
    expect((await upgrade('member')).status).toBe(429)
    const refused = await stream('member')
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '5'])
    await refused.body.dump()
    const others = await open('token')
    expect(others.first).toEqual({ type: 'connection_ack' })

    socket.client.close()
    await expect
      .poll(async () => {
        const { client, first } = await open('member')
        client.close()
        return first
      })
      .toEqual({ type: 'connection_ack' })
    upgraded.socket.terminate()
    others.client.close()
    events.body.destroy()
  })
})
