import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type PrincipalName, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { RawClient } from '../http/clients.ts'

/** Sends an operation as a principal, or with a credential. */
const send = (
  server: SignedInApp,
  who: PrincipalName | { readonly guess: string },
  query = '{ __typename }',
) =>
  fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(typeof who === 'string' ? server.headersOf(who) : { authorization: `Bearer ${who.guess}` }),
    },
    body: JSON.stringify({ query }),
  })
const list = (server: SignedInApp, headers: Record<string, string>) =>
  fetch(`${server.url}/v2/team/app/tags/list`, { headers })
const codesOf = async (response: Response) => {
  const { errors } = await response.json()
  return [response.status, errors[0].code ?? errors[0].extensions.code]
}

describe('points of operations', () => {
  it('are those of a principal: others at the same address are served', async () => {
    await using server = await startSignedInApp({ config: { costPerMinute: 2 } })
    for (let at = 0; at < 2; at++) await send(server, 'member')

    expect(await codesOf(await send(server, 'member'))).toEqual([429, 'RATE_LIMITED'])
    expect((await send(server, 'admin')).status).toBe(200)
  })

  it('are charged for what an operation may return, before it runs', async () => {
    await using server = await startSignedInApp({ config: { costPerMinute: 60 } })
    const names = Array.from({ length: 50 }, (_, at) => `n${at}: name`).join(' ')
    // 25,000 values
    const query = `{ imageStreams(namespace: "team", first: 500) { nodes { ${names} } } }`
    const { headers } = await send(server, 'member', query)

    expect(headers.get('ratelimit-policy')).toBe('"operations";q=60;qu="points";w=60')
    expect(Number(/r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1])).toBeLessThan(40)
  })
})

describe('failed sign-ins', () => {
  const start = async () => {
    const server = await startSignedInApp({ config: { failedSignInsPerMinute: 3 } })
    await send(server, 'admin')
    expect(await codesOf(await send(server, { guess: 'ist_1' }))).toEqual([401, 'UNAUTHENTICATED'])
    await send(server, { guess: 'iss_2' })
    expect(await codesOf(await list(server, { authorization: 'Bearer ist_3' }))).toEqual([
      401,
      'UNAUTHORIZED',
    ])
    return server
  }

  it('of all entry points make an address wait, also with a right credential', async () => {
    await using server = await start()
    const response = await send(server, 'member')

    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await codesOf(response)).toEqual([429, 'RATE_LIMITED'])
    expect(await codesOf(await list(server, server.headersOf('member')))).toEqual([429, 'TOOMANYREQUESTS'])
    const token = await fetch(`${server.url}/token`, {
      headers: { authorization: `Basic ${Buffer.from(`a:${server.secrets.token}`).toString('base64')}` },
    })
    expect(token.status).toBe(429)
    const socket = new RawClient(`${server.url.replace('http', 'ws')}/graphql`)
    await once(socket.socket, 'open')
    socket.send({ type: 'connection_init', payload: server.headersOf('member') })
    expect(await socket.closed).toMatchObject({ code: 1013, reason: expect.stringContaining('repeat') })
  })

  it('do not keep out who was in before', async () => {
    await using server = await start()

    expect((await send(server, 'admin')).status).toBe(200)
    expect((await send(server, 'anonymous')).status).toBe(200)
  })
})

describe('requests to the registry', () => {
  it('above the limit get TOOMANYREQUESTS and Retry-After', async () => {
    await using server = await startSignedInApp({ config: { requestsPerMinute: 2 } })
    const request = () => list(server, server.headersOf('member'))
    for (let at = 0; at < 2; at++) expect((await request()).status).toBe(404)
    const refused = await request()

    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await codesOf(refused)).toEqual([429, 'TOOMANYREQUESTS'])
  })

  it('have headers with what is left, as those for sign-in', async () => {
    await using server = await startSignedInApp({ config: { requestsPerMinute: 600 } })
    for (const path of ['/v2/', '/v2/team/app/tags/list', '/token', '/sign-in/first-admin']) {
      const { headers } = await fetch(`${server.url}${path}`, { headers: server.headersOf('member') })
      expect([path, headers.get('ratelimit-policy')]).toEqual([path, '"requests";q=600;qu="requests";w=60'])
      expect(headers.get('ratelimit')).toMatch(/^"requests";r=59\d;t=1$/)
    }
  })

  it('count those for sign-in by address', async () => {
    await using server = await startSignedInApp({ config: { requestsPerMinute: 2 } })
    const request = () => fetch(`${server.url}/sign-in/first-admin`)
    for (let at = 0; at < 2; at++) expect((await request()).status).toBe(200)

    expect(await codesOf(await request())).toEqual([429, 'RATE_LIMITED'])
  })
})
