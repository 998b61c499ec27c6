import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from '../../src/app/config.ts'
import { startApp } from '../fixtures/app.ts'
import { PRINCIPALS, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { RawClient } from '../http/clients.ts'

let server: SignedInApp
beforeAll(async () => {
  server = await startSignedInApp()
})
afterAll(() => server[Symbol.asyncDispose]())

const statusOf = async (path: string, init: RequestInit = {}): Promise<number> =>
  (await fetch(`${server.url}${path}`, { redirect: 'manual', ...init })).status

const post = (headers: Record<string, string>, query = '{ server { version } }') => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ query }),
})

describe('a server with sign-in', () => {
  it('answers clients with each kind of credential, and without one', async () => {
    for (const principal of PRINCIPALS)
      expect(await statusOf('/graphql', post(server.headersOf(principal)))).toBe(200)
  })

  it('takes an access token as the password of Basic', async () => {
    const basic = Buffer.from(`anyone:${server.secrets.token}`).toString('base64')
    expect(await statusOf('/graphql', post({ authorization: `Basic ${basic}` }))).toBe(200)
  })

  it('refuses a credential that is not valid, and does not continue without it', async () => {
    for (const authorization of ['Bearer ist_x', 'Bearer', 'Digest x', `Bearer ${server.secrets.token}0`])
      expect(await statusOf('/graphql', post({ authorization }))).toBe(401)
  })

  it('responds to health checks of everyone, also with an invalid credential', async () => {
    for (const path of ['/healthz', '/readyz'])
      expect(await statusOf(path, { headers: { authorization: 'Bearer ist_x' } })).toBe(200)
  })

  it('has metrics for those who may view everything', async () => {
    const statuses = await Promise.all(
      PRINCIPALS.map((principal) => statusOf('/metrics', { headers: server.headersOf(principal) })),
    )
    expect(statuses).toEqual([200, 403, 403, 403, 401])
  })
})

describe('a session in a cookie', () => {
  const cookie = () => `other=1; imagestreams=${server.secrets.member}`
  const from = (origin?: string) => ({ cookie: cookie(), ...(origin !== undefined && { origin }) })

  it('is used by pages of this server alone (threat 55)', async () => {
    expect(await statusOf('/graphql', post(from(server.url)))).toBe(200)
    expect(await statusOf('/graphql', post(from('https://evil.example')))).toBe(403)
    expect(await statusOf('/graphql', post(from('null')))).toBe(403)
    expect(await statusOf('/graphql', post(from()))).toBe(403)
  })

  it('opens a WebSocket for pages of this server alone (threat 55)', async () => {
    const url = `${server.url.replace('http', 'ws')}/graphql`
    const own = new RawClient(url, { origin: server.url, headers: { cookie: cookie() } })
    await once(own.socket, 'open')
    own.send({ type: 'connection_init' })
    expect(await own.next()).toMatchObject({ type: 'connection_ack' })
    own.socket.close()
    for (const origin of ['https://evil.example', undefined]) {
      const status = await new Promise((resolve) => {
        const other = new RawClient(url, { ...(origin && { origin }), headers: { cookie: cookie() } })
        other.socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode))
        other.socket.on('open', () => resolve('open'))
      })
      expect(status).toBe(403)
    }
  })

  it('is not needed beside an access token, whose requests need no origin', async () => {
    expect(await statusOf('/graphql', post({ ...from(), ...server.headersOf('token') }))).toBe(200)
  })

  it('ends with the sign-out, and the cookie of an ended session is removed', async () => {
    await using own = await startSignedInApp()
    const headers = { cookie: `imagestreams=${own.secrets.stranger}`, origin: own.url }
    const left = await fetch(`${own.url}/sign-out`, { method: 'POST', headers })
    expect(left.status).toBe(204)
    expect(left.headers.get('set-cookie')).toContain('imagestreams=; Max-Age=0')
    const after = await fetch(`${own.url}/graphql`, post(headers))
    expect(after.status).toBe(401)
    expect(after.headers.get('set-cookie')).toContain('imagestreams=; Max-Age=0')
  })
})

describe('the link for the first admin', () => {
  it('begins one session, by a button and not by opening it', async () => {
    await using own = await startApp({ signIn: 'tokens' })
    const link = own.app.firstAdminLink ?? ''
    const code = new URL(link).searchParams.get('code') ?? ''
    for (let round = 0; round < 2; round++) expect(await (await fetch(link)).text()).toContain(code)

    const accept = (headers: Record<string, string> = {}) =>
      fetch(new URL('/sign-in/first-admin', own.app.url), {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ code }),
        headers: { accept: 'text/html', ...headers },
      })
    expect((await accept({ origin: 'https://evil.example' })).status).toBe(403)
    const accepted = await accept()
    expect(accepted.status).toBe(303)
    const cookie = accepted.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(
      /^imagestreams=iss_\w{49}; Max-Age=(?:2592000|2591\d{3}); Path=\/; HttpOnly; SameSite=Lax$/,
    )
    expect((await accept()).status).toBe(401)

    const headers = { cookie: cookie.split(';', 1)[0] ?? '', origin: own.app.url }
    const response = await fetch(
      `${own.app.url}/graphql`,
      post(headers, '{ viewer { name isServerAdmin } server { signIn } }'),
    )
    expect(await response.json()).toEqual({
      data: { viewer: { name: 'admin', isServerAdmin: true }, server: { signIn: 'TOKENS' } },
    })
    await own.restart()
    expect(own.app.firstAdminLink).toBeNull()
  })

  it('has a cookie for HTTPS alone where the public URL is one', async () => {
    await using own = await startApp({ signIn: 'tokens', publicUrl: new URL('https://streams.example.org') })
    const { searchParams, origin } = new URL(own.app.firstAdminLink ?? '')
    expect(origin).toBe('https://streams.example.org')
    const accepted = await fetch(`${own.app.url}/sign-in/first-admin`, {
      method: 'POST',
      redirect: 'manual',
      body: searchParams,
      headers: { accept: 'text/html' },
    })
    expect(accepted.headers.get('set-cookie')).toMatch(/^__Host-imagestreams=iss_.*; Secure$/)
  })
})

describe('the start', () => {
  const start = (...args: string[]) => readConfig(args, {})

  it('is open on loopback, and says so', async () => {
    await using own = await startApp()
    expect(await own.client.request('{ server { signIn } viewer { principal isServerAdmin } }')).toEqual({
      server: { signIn: 'OPEN' },
      viewer: { principal: 'anonymous', isServerAdmin: true },
    })
  })

  it('on other addresses needs sign-in or --open-to-everybody, and not both', () => {
    const host = ['--host', '0.0.0.0']
    expect(() => start(...host)).toThrow(ConfigError)
    expect(() => start(...host)).toThrow(/--sign-in tokens.*--open-to-everybody true/s)
    expect(start(...host, '--sign-in', 'tokens')).toMatchObject({ signIn: 'tokens' })
    expect(start(...host, '--open-to-everybody', 'true')).toMatchObject({ openToEverybody: true })
    expect(() => start('--sign-in', 'tokens', '--open-to-everybody', 'true')).toThrow(ConfigError)
  })
})
