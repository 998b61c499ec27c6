import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { HttpBrowser, locationOf } from '../fixtures/http-browser.ts'
import { type OidcProvider, startOidcProvider } from '../fixtures/oidc-provider.ts'

const STREAMS = '{ imageStreams(first: 1) { totalCount } }'
const VERIFIER = 'v'.repeat(64)

let provider: OidcProvider
let server: TestApp
let origin: string

beforeAll(async () => {
  provider = await startOidcProvider()
  provider.service.on('beforeTokenSigning', ({ payload }) => {
    Object.assign(payload, { preferred_username: 'alice', groups: ['dev'] })
  })
  server = await startApp({
    signIn: 'oidc',
    oidcIssuer: new URL(provider.issuer),
    oidcClientId: 'streams',
  })
  // the name to which the provider sends browsers back
  origin = server.app.url.replace('127.0.0.1', 'localhost')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

let browser: HttpBrowser
beforeEach(() => {
  browser = new HttpBrowser(origin)
})

const query = (headers: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: STREAMS }),
  })

describe('people sign in', () => {
  it('in a browser, whose cookie then is their identity, until they sign out', async () => {
    const ended = await browser.signIn('/graphql')
    expect([ended.status, locationOf(ended)]).toEqual([303, '/graphql'])
    expect(ended.headers.getSetCookie()[0]).toMatch(
      /^imagestreams=iss_\w+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const cookie = `imagestreams=${browser.cookies.get('imagestreams')}`
    expect((await query({ cookie, origin })).status).toBe(200)
    expect((await query({ cookie, origin: 'https://evil.example' })).status).toBe(403)
    await browser.post('/sign-out', {})
    expect((await query({ cookie, origin })).status).toBe(401)
  })

  it('at a command line on the same machine', async () => {
    const received: string[] = []
    const program = createServer((request, response) => {
      received.push(request.url ?? '')
      response.end('You can close this page.')
    }).listen(0, '127.0.0.1')
    await once(program, 'listening')
    const redirect_uri = `http://127.0.0.1:${(program.address() as AddressInfo).port}/`
    const asked = {
      redirect_uri,
      state: 's-1',
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
    }
    const begun = await browser.get(`/sign-in/command-line?${new URLSearchParams(asked)}`)
    const to = new URL(locationOf(begun), origin).searchParams.get('to') ?? ''
    await browser.signIn(to)
    expect(await (await browser.get(to)).text()).toContain('act as alice')
    const form = { ...asked, answer: 'allow' }
    // a page of another site, and a browser that does not say from which page the form is
    expect((await browser.post('/sign-in/command-line', form, { origin: 'null' })).status).toBe(403)
    expect((await browser.post('/sign-in/command-line', form, {})).status).toBe(403)
    const allowed = await browser.post('/sign-in/command-line', form)
    await fetch(locationOf(allowed))
    program.close()
    const code = new URL(received[0] ?? '', redirect_uri).searchParams.get('code') ?? ''
    const response = await new HttpBrowser(origin).post('/sign-in/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri,
      code_verifier: VERIFIER,
    })
    const { access_token } = (await response.json()) as Record<string, string>
    expect((await query({ authorization: `Bearer ${access_token}` })).status).toBe(200)
  })

  it('at a command line on another machine, by a code that they enter', async () => {
    const program = new HttpBrowser(origin)
    const begun = (await (await program.post('/sign-in/device/code', {}, {})).json()) as Record<
      string,
      string
    >
    await browser.signIn()
    const page = await browser.get(begun.verification_uri_complete ?? '')
    expect(await page.text()).toContain(begun.user_code)
    await browser.post('/sign-in/device', { user_code: begun.user_code ?? '', answer: 'allow' })
    const response = await program.post(
      '/sign-in/token',
      { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: begun.device_code ?? '' },
      {},
    )
    const { access_token } = (await response.json()) as Record<string, string>
    expect((await query({ authorization: `Bearer ${access_token}` })).status).toBe(200)
  })

  it('on a page that no other page can show, and that runs nothing', async () => {
    await browser.signIn()
    const { headers } = await browser.get('/sign-in/device')
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/)
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('cache-control')).toBe('no-store')
    // with no-referrer the browser would send the form with the origin null
    expect(headers.get('referrer-policy')).toBe('same-origin')
  })
})

it('a provider that is down does not stop the start of the server', async () => {
  await using other = await startOidcProvider()
  const oidcIssuer = new URL(other.issuer)
  await other.stop()
  await using started = await startApp({ signIn: 'oidc', oidcIssuer, oidcClientId: 'streams' })
  expect((await fetch(`${started.app.url}/healthz`)).status).toBe(200)
  const page = await new HttpBrowser(started.app.url.replace('127.0.0.1', 'localhost')).get('/sign-in')
  expect(page.status).toBe(503)
  expect(await page.text()).toContain('the sign-in provider is unavailable: the connection was refused')
})

it('pages of sign-in take no long body, and no other method', async () => {
  expect((await browser.post('/sign-in/token', { code: 'x'.repeat(20_000) })).status).toBe(413)
  expect((await browser.get('/sign-in/token')).status).toBe(405)
})
