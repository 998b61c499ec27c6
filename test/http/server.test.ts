import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemOf } from '../../src/health/problem.ts'
import { type Api, startApi } from './api.ts'
import { eventually, post } from './clients.ts'

let api: Api
beforeAll(async () => {
  api = await startApi({ allowedOrigins: ['https://console.example.org'], localNames: false })
})
afterAll(() => api[Symbol.asyncDispose]())

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://${api.host}${path}`, { headers, redirect: 'manual' })

describe('the paths of the server', () => {
  it('report health and readiness', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
    const problems = [problemOf('STORAGE_FULL')]
    await using full = await startApi({ problems: () => problems })
    expect((await fetch(`http://${full.host}/healthz`)).status).toBe(200)
    const response = await fetch(`http://${full.host}/readyz`)
    expect([response.status, await response.json()]).toEqual([503, { status: 'not ready', problems }])
    problems.pop()
    expect((await fetch(`http://${full.host}/readyz`)).status).toBe(200)
  })

  it('redirect from / to the API', async () => {
    const response = await get('/')
    expect([response.status, response.headers.get('location')]).toEqual([302, '/graphql'])
  })

  it('respond with a JSON error if unknown', async () => {
    const response = await get('/graphql/../admin')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] })
  })
})

describe('a request', () => {
  it('has an id, which resolvers and the log use', async () => {
    const { headers, body } = await post(api.url, '{ requestId }')
    const id = headers.get('x-request-id')
    expect(body).toEqual({ data: { requestId: id } })
    await eventually(() => api.lines.some(({ requestId }) => requestId === id))
  })

  it('keeps the client’s id only if it is harmless in a log', async () => {
    const own = (id: string) => post(api.url, '{ requestId }', { headers: { 'X-Request-Id': id } })
    expect((await own('req-0123456789')).headers.get('x-request-id')).toBe('req-0123456789')
    for (const id of ['short', 'x'.repeat(65), 'a b c d e f g h', '{"level":60}']) {
      expect((await own(id)).headers.get('x-request-id')).not.toBe(id)
    }
  })

  it('is logged in one line without secrets', async () => {
    const id = 'one-line-0123456789'
    await post(`${api.url}?token=canary`, 'query canary($v: String) { version }', {
      variables: { v: 'canary' },
      headers: { 'X-Request-Id': id, Authorization: 'Bearer canary' },
    })
    const linesOf = () => api.lines.filter(({ requestId }) => requestId === id)
    await eventually(() => linesOf().length > 0)
    expect(linesOf()).toHaveLength(1)
    const [{ ms, time, pid, hostname, ...line } = {}] = linesOf()
    expect(line).toMatchObject({ method: 'POST', path: '/graphql', msg: 'request' })
    expect(JSON.stringify(linesOf())).not.toContain('canary')
  })

  it('with GET can query, and cannot mutate', async () => {
    const read = await get('/graphql?query={version}')
    expect([read.status, await read.json()]).toEqual([200, { data: { version: '1' } }])
    const write = await get(`/graphql?query=${encodeURIComponent('mutation { push(tag: "1") { tag } }')}`)
    expect(write.status).toBe(405)
    expect((await get('/graphql?query={version}&variables={')).status).toBe(400)
  })
})

describe('other sites', () => {
  it('cannot read responses, unless they are allowed', async () => {
    const evil = await post(api.url, '{ version }', { headers: { Origin: 'https://evil.example' } })
    expect([evil.status, evil.headers.get('access-control-allow-origin')]).toEqual([403, null])
    const allowed = await post(api.url, '{ version }', { headers: { Origin: 'https://console.example.org' } })
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://console.example.org')
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull()
  })

  it.each([
    ['an image, a script or a form', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a page of another name of the site', { 'Sec-Fetch-Site': 'same-site' }],
    ['a fetch without CORS', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }],
    ['a page with its origin', { Origin: 'https://evil.example' }],
    ['a page without an origin of its own', { Origin: 'null' }],
    ['a link', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }],
  ])('cannot start a query with GET: %s', async (_what, headers) => {
    const response = await fetch(`${api.url}?query={version}`, { headers })

    expect([response.status, (await response.json()).errors[0].extensions.code]).toEqual([403, 'FORBIDDEN'])
  })

  it.each([
    ['a program', {}],
    ['a page of this server', { 'Sec-Fetch-Site': 'same-origin' }],
    ['an address that the user entered', { 'Sec-Fetch-Site': 'none' }],
    ['an allowed origin', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://console.example.org' }],
  ])('do not prevent a query with GET: %s', async (_what, headers) => {
    const response = await fetch(`${api.url}?query={version}`, { headers })

    expect([response.status, (await response.json()).data]).toEqual([200, { version: '1' }])
  })

  it('cannot use a host name that they point to this server', async () => {
    const rebound = await request(api.url, {
      method: 'POST',
      headers: { Host: 'evil.example', 'Content-Type': 'application/json' },
      body: '{"query":"{version}"}',
    })
    expect(rebound.statusCode).toBe(421)
    await rebound.body.dump()
  })
})

describe('stopping the server', () => {
  it('finishes running requests, and accepts no new ones', async () => {
    const ending = await startApi()
    const [host, port] = ending.host.split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    const body = '{"query":"{version}"}'
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
    )
    await fetch(`http://${ending.host}/healthz`)
    const disposed = ending[Symbol.asyncDispose]()
    socket.write(body)
    expect(await text(socket)).toMatch('{"data":{"version":"1"}}')
    await disposed
    await expect(fetch(`http://${ending.host}/healthz`)).rejects.toThrow()
  })

  it('waits a bounded time for requests that do not finish', async () => {
    const ending = await startApi({ timings: { shutdownTimeout: 50 } })
    const [host, port] = ending.host.split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    socket.write('POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')
    await fetch(`http://${ending.host}/healthz`)
    const closed = once(socket, 'close')
    socket.on('error', () => {})
    await ending[Symbol.asyncDispose]()
    await closed
  })
})
