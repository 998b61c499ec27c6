import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_BODY_BYTES, MAX_MESSAGE_BYTES } from '../../src/http/request/limits.ts'
import { type Api, startApi } from '../http/api.ts'
import { post, RawClient } from '../http/clients.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

const nested = (depth: number): string => `{ ${'nested { '.repeat(depth)}leaf${' }'.repeat(depth)} }`
const aliases = (count: number): string =>
  `{ ${Array.from({ length: count }, (_, i) => `a${i}: version`).join(' ')} }`

/** Fragments that each spread the next ones; the last one spreads the first. */
function fragmentCycles(fragments: number, spreads: number): string {
  const definitions = Array.from({ length: fragments }, (_, i) => {
    const names = Array.from({ length: spreads }, (_, j) => `...F${(i + j + 1) % fragments}`)
    return `fragment F${i} on Query { ${names.join(' ')} }`
  })
  return `{ ...F0 } ${definitions.join(' ')}`
}

const TOO_COMPLEX: Record<string, string> = {
  '10,000 aliases': aliases(10_000),
  '60 aliases': aliases(60),
  'a depth of 5,000': nested(5_000),
  'a depth of 30': nested(30),
  'a literal of 20,000 brackets': `{ list(values: ${'['.repeat(20_000)} }`,
  'a literal of 39 KiB that is closed': `{ list(values: ${'['.repeat(19_900)}${']'.repeat(19_900)}) }`,
  'a literal of 1,000 objects in objects': `{ list(values: ${'{a:'.repeat(1_000)}1${'}'.repeat(1_000)}) }`,
  'a type of 1,000 lists': `query ($v: ${'['.repeat(1_000)}Int${']'.repeat(1_000)}) { version }`,
  '3,000 tokens': `{ ${'version '.repeat(3_000)} }`,
  '60 directives': `{ version ${'@skip(if: false) '.repeat(60)} }`,
  'a comment of 100,000 characters': `{ version } #${'x'.repeat(100_000)}`,
}

describe.each(Object.entries(TOO_COMPLEX))('%s', (_name, query) => {
  it('is refused with 400 and TOO_COMPLEX', async () => {
    const { status, body } = await post(api.url, query)
    expect([status, body.errors.length, body.errors[0].extensions.code]).toEqual([400, 1, 'TOO_COMPLEX'])
  })

  it('is refused over a WebSocket as an error of that operation, and the socket stays open', async () => {
    if (query.length > 60_000) return
    const client = await RawClient.open(api.wsUrl)
    client.subscribe('bad', query)
    expect(await client.next()).toMatchObject({
      id: 'bad',
      type: 'error',
      payload: [{ extensions: { code: 'TOO_COMPLEX' } }],
    })
    client.subscribe('good', '{ version }')
    expect(await client.next()).toMatchObject({ id: 'good', type: 'next' })
    client.close()
  })
})

describe('a document', () => {
  it('with fragments that spread each other in cycles is a validation error', async () => {
    // refused before the validation, which would compare each fragment with each other
    const { status, body } = await post(api.url, fragmentCycles(50, 20))
    expect([status, body.errors[0].extensions.code]).toEqual([400, 'TOO_COMPLEX'])
    const small = await post(api.url, fragmentCycles(20, 20))
    expect(small.body.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
  })

  it('with a syntax or validation error gets its error code on every transport', async () => {
    const accept = { headers: { Accept: 'application/graphql-response+json' } }
    expect(await post(api.url, '{', accept)).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }] },
    })
    const client = await RawClient.open(api.wsUrl)
    client.subscribe('a', '{')
    expect(await client.next()).toMatchObject({ payload: [{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }] })
    client.subscribe('b', '{ nope }')
    expect(await client.next()).toMatchObject({
      payload: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    })
    client.close()
  })

  it('may contain introspection and gets suggestions, unless introspection is off', async () => {
    const typo = await post(api.url, '{ versionn }')
    expect(typo.body.errors[0].message).toMatch('Did you mean "version"')
    await using closed = await startApi({ introspection: false })
    const hidden = await post(closed.url, '{ versionn }')
    expect(hidden.body.errors[0].message).toBe('Cannot query field "versionn" on type "Query".')
    const { body } = await post(closed.url, '{ __schema { queryType { name } } }')
    expect(body.errors[0].message).toMatch('introspection has been disabled')
  })
})

describe('a request body', () => {
  it.each(['/graphql', '/healthz'])(
    'to %s that never arrives completely ends its connection',
    async (path) => {
      await using quick = await startApi({ timings: { bodyTimeout: 100 } })
      const socket = connect(Number(new URL(quick.url).port), '127.0.0.1')
      socket.on('error', () => {})
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${quick.host}\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{`,
      )
      socket.resume()
      await once(socket, 'close')
    },
  )

  it('of 60 MiB is refused with 413 before it is read', async () => {
    const response = await request(api.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.alloc(60 * 1024 * 1024, ' '),
    })
    expect(response.statusCode).toBe(413)
    expect(await response.body.json()).toMatchObject({ errors: [{ extensions: { code: 'TOO_COMPLEX' } }] })
  })

  it('without a length is counted', async () => {
    const before = process.memoryUsage().rss
    const chunk = Buffer.alloc(1024 * 1024, ' ')
    const response = await request(api.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Readable.from(Array.from({ length: 60 }, () => chunk)),
    })
    expect(response.statusCode).toBe(413)
    await response.body.dump()
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024)
  })

  it('of exactly the limit is accepted', async () => {
    const query = '{"query":"{version}"}'
    const response = await fetch(api.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: query + ' '.repeat(MAX_BODY_BYTES - query.length),
    })
    expect([response.status, await response.json()]).toEqual([200, { data: { version: '1' } }])
  })

  it.each([
    ['an array of operations', '[{"query":"{version}"},{"query":"{version}"}]', 400],
    ['nothing', '', 400],
    ['null', 'null', 400],
    ['truncated JSON', '{"query":', 400],
  ])('that is %s is refused', async (_name, body, status) => {
    const headers = { 'Content-Type': 'application/json' }
    const response = await fetch(api.url, { method: 'POST', headers, body })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ errors: [{ message: expect.any(String) }] })
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'of type %s, which other sites can send, runs nothing',
    async (type) => {
      const response = await fetch(api.url, {
        method: 'POST',
        headers: { 'Content-Type': type },
        body: type.startsWith('text')
          ? '{"query":"mutation{push(tag:\\"x\\"){tag}}"}'
          : 'query=mutation{push(tag:"x"){tag}}',
      })
      expect(response.status).toBe(403)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
      expect(api.changeLog.head()).toBe(0)
    },
  )
})

describe('JSON of more than 64 levels', () => {
  const deep = `{"a":${'['.repeat(64)}${']'.repeat(64)}}`

  it('in the variables of a request is refused before it is parsed', async () => {
    const response = await fetch(api.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: `{"query":"{version}","variables":${deep}}`,
    })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { errors: [{ extensions: { code: 'TOO_COMPLEX' } }] },
    ])
    const { status } = await fetch(`${api.url}?query={version}&variables=${encodeURIComponent(deep)}`)
    expect(status).toBe(400)
  })

  it('in a message closes the WebSocket with 4400', async () => {
    const client = await RawClient.open(api.wsUrl)
    client.socket.send(`{"type":"subscribe","id":"a","payload":{"query":"{version}","variables":${deep}}}`)
    expect(await client.closed).toMatchObject({ code: 4400 })
  })
})

describe('two Host headers', () => {
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='

  it.each([
    ['GET /graphql?query={version}', 'Connection: close'],
    ['GET /healthz', 'Connection: close'],
    ['GET /v2/', 'Connection: close'],
    ['POST /webhooks/x', 'Content-Length: 0'],
    ['GET /graphql', upgrade],
  ])('are refused with 400: %s, %s', async (line, more) => {
    const [host, port] = api.host.split(':')
    for (const hosts of ['Host: localhost\r\nHost: evil.example', 'host: a\r\nHOST: a']) {
      const socket = connect(Number(port), host)
      socket.write(`${line} HTTP/1.1\r\n${hosts}\r\n${more}\r\n\r\n`)
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /)
      socket.destroy()
    }
  })
})

describe('a WebSocket', () => {
  it('of another site is refused at the upgrade; one of this site, or without an Origin, is accepted', async () => {
    const opened = async (options: { origin?: string }) => {
      const { socket } = new RawClient(api.wsUrl, options)
      const status = await new Promise((resolve) => {
        socket.once('open', () => resolve(101))
        socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode))
      })
      socket.terminate()
      return status
    }
    expect(await opened({ origin: 'https://evil.example' })).toBe(403)
    expect(await opened({ origin: 'null' })).toBe(403)
    expect(await opened({ origin: `http://${api.host}` })).toBe(101)
    expect(await opened({})).toBe(101)
  })

  it('to another path is refused', async () => {
    const { socket } = new RawClient(`ws://${api.host}/other`)
    const status = await new Promise((resolve) => {
      socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode))
    })
    expect(status).toBe(404)
    socket.terminate()
  })

  it('without connection_init is closed with 4408', async () => {
    await using quick = await startApi({ timings: { initTimeout: 30 } })
    expect(await new RawClient(quick.wsUrl).closed).toMatchObject({ code: 4408 })
  })

  it('with a subscription before connection_init is closed with 4401', async () => {
    const client = new RawClient(api.wsUrl)
    await once(client.socket, 'open')
    client.subscribe('a', '{ version }')
    expect(await client.closed).toMatchObject({ code: 4401 })
  })

  it('with an invalid message is closed with 4400', async () => {
    const client = await RawClient.open(api.wsUrl)
    client.socket.send('{"type":"subscribe","id":1}')
    expect(await client.closed).toMatchObject({ code: 4400 })
  })

  it('with a message over the limit is closed with 1009', async () => {
    const client = await RawClient.open(api.wsUrl)
    client.subscribe('a', `{ version } #${'x'.repeat(MAX_MESSAGE_BYTES)}`)
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  it.each([
    ['message', 0x81, 1009],
    ['ping', 0x89, 1002],
  ])('that announces a %s of 90 MiB is closed at its header', async (_name, opcode, code) => {
    const [host, port] = api.host.split(':')
    const socket = connect(Number(port), host)
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    )
    await once(socket, 'data')
    const header = Buffer.from([opcode, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
    header.writeBigUInt64BE(BigInt(90 * 1024 * 1024), 2)
    socket.write(header)
    const [frame] = await once(socket, 'data')
    expect([frame[0], frame.readUInt16BE(2)]).toEqual([0x88, code])
    socket.destroy()
  })

  it('runs 50 operations at the same time and refuses the next one', async () => {
    const client = await RawClient.open(api.wsUrl)
    for (let i = 1; i <= 51; i++) client.subscribe(`s${i}`, 'subscription { imagePushed { tag } }')
    expect(await client.next()).toMatchObject({
      id: 's51',
      type: 'error',
      payload: [{ extensions: { code: 'TOO_COMPLEX' } }],
    })
    client.send({ type: 'complete', id: 's1' })
    client.subscribe('s52', '{ version }')
    expect(await client.next()).toMatchObject({ id: 's52', type: 'next' })
    client.close()
  })
})
