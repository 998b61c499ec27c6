import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM, type Viewer } from '../../../src/access/right/viewer.ts'
import type { SignInResponse } from '../../../src/access/sign-in/messages.ts'
import { type OidcProvider, startOidcProvider } from '../../fixtures/oidc-provider.ts'
import { type Browser, openSignIn, PUBLIC_URL } from './browser.ts'

const VERIFIER = 'v'.repeat(64)
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const ASKED = {
  redirect_uri: 'http://127.0.0.1:7777/callback',
  code_challenge: CHALLENGE,
  code_challenge_method: 'S256',
  state: 's-1',
}

let provider: OidcProvider
let server: ReturnType<typeof openSignIn>
let browser: Browser
let program: Browser

beforeAll(async () => {
  provider = await startOidcProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())
beforeEach(async () => {
  server = openSignIn({ provider: { issuer: new URL(provider.issuer) } })
  browser = server.browser()
  await browser.signIn()
  program = server.browser()
})
afterEach(() => server[Symbol.asyncDispose]())

const query = (parameters: Readonly<Record<string, string>>): string => `${new URLSearchParams(parameters)}`
const errorOf = async (response: Promise<SignInResponse>): Promise<unknown> =>
  JSON.parse((await response).body).error
const principalOf = (response: SignInResponse): string | undefined =>
  server.credentials.form(JSON.parse(response.body).access_token)?.principal

/** A server admin who has signed in. */
const ADMIN: Viewer = { ...SYSTEM, id: 'user:99' }

describe('a program on the machine of the browser', () => {
  const path = '/sign-in/command-line'
  const codeOf = async (answer = 'allow'): Promise<URLSearchParams> => {
    const { status, headers } = await browser.post(path, { ...ASKED, answer })
    expect(status).toBe(303)
    const url = new URL(String(headers.Location))
    expect(url.origin + url.pathname).toBe(ASKED.redirect_uri)
    return url.searchParams
  }
  const exchange = (code: string, changes = {}) =>
    program.post('/sign-in/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri: ASKED.redirect_uri,
      code_verifier: VERIFIER,
      ...changes,
    })

  it('gets a session of the person after the person allows it', async () => {
    const asked = await browser.get(`${path}?${query(ASKED)}`)
    expect(asked.body).toContain('A program on this computer wants to act as johndoe')
    // browsers apply form-action to the redirect after the form, too
    expect(asked.headers['Content-Security-Policy']).toContain("form-action 'self' http://127.0.0.1:7777;")
    const parameters = await codeOf()
    expect(parameters.get('state')).toBe('s-1')
    const response = await exchange(parameters.get('code') ?? '')
    expect(response).toMatchObject({ status: 200, headers: { 'Cache-Control': 'no-store' } })
    expect(JSON.parse(response.body)).toEqual({
      access_token: expect.stringMatching(/^iss_[0-9A-Za-z]{49}$/),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
    })
    expect(principalOf(response)).toBe('user:1')
  })

  it('waits until the person has signed in', async () => {
    const stranger = server.browser()
    const { headers } = await stranger.get(`${path}?${query(ASKED)}`)
    const to = new URL(String(headers.Location), PUBLIC_URL).searchParams.get('to') ?? ''
    expect((await stranger.signIn(to)).headers.Location).toBe(to)
    expect((await stranger.get(to)).body).toContain('wants to act as johndoe')
  })

  it('learns that the person denies', async () => {
    expect(query(Object.fromEntries(await codeOf('deny')))).toBe('error=access_denied&state=s-1')
  })

  it.each([
    ['another verifier', { code_verifier: 'w'.repeat(64) }],
    ['no verifier', { code_verifier: '' }],
    ['another redirect', { redirect_uri: 'http://127.0.0.1:7778/callback' }],
    ['another code', { code: 'iso_x' }],
  ])('with %s gets nothing, and its code is used up', async (_, changes) => {
    const code = (await codeOf()).get('code') ?? ''
    expect(await errorOf(exchange(code, changes))).toBe('invalid_grant')
    if (!('code' in changes)) expect(await errorOf(exchange(code))).toBe('invalid_grant')
  })

  it('uses its code once, and in time', async () => {
    const code = (await codeOf()).get('code') ?? ''
    expect((await exchange(code)).status).toBe(200)
    expect(await errorOf(exchange(code))).toBe('invalid_grant')
    const late = (await codeOf()).get('code') ?? ''
    server.later(60_001)
    expect(await errorOf(exchange(late))).toBe('invalid_grant')
  })

  it.each([
    'http://127.0.0.1.evil.example:1/',
    'http://localhost:7777/',
    'http://evil.example:7777/',
    'https://127.0.0.1:7777/',
    'http://127.0.0.1/',
    'http://user@127.0.0.1:7777/',
    'http://127.0.0.1:7777/#x',
    'javascript:alert(1)',
    '',
  ])('waits at no address like %s', async (redirect_uri) => {
    const asked = { ...ASKED, redirect_uri }
    expect((await browser.get(`${path}?${query(asked)}`)).status).toBe(400)
    expect((await browser.post(path, { ...asked, answer: 'allow' })).status).toBe(400)
  })

  it('is allowed by the person alone: not by a page of another site', async () => {
    const more = { isOwnPage: false }
    expect((await browser.post(path, { ...ASKED, answer: 'allow' }, more)).status).toBe(403)
    expect(
      (await browser.post('/sign-in/device', { user_code: 'BCDFGHJK', answer: 'allow' }, more)).status,
    ).toBe(403)
  })
})

describe('a program on another machine', () => {
  const start = async (): Promise<Record<string, string>> =>
    JSON.parse((await program.post('/sign-in/device/code')).body)
  const poll = (device_code = '') => {
    server.later(5_000)
    return program.post('/sign-in/token', { grant_type: DEVICE_GRANT, device_code })
  }

  it('shows a code, and gets a session after the person has entered it', async () => {
    const begun = await start()
    expect(begun).toEqual({
      device_code: expect.any(String),
      user_code: expect.stringMatching(/^[B-Z]{5}-[B-Z]{5}$/),
      verification_uri: `${PUBLIC_URL}/sign-in/device`,
      verification_uri_complete: `${PUBLIC_URL}/sign-in/device?user_code=${begun.user_code}`,
      expires_in: 600,
      interval: 5,
    })
    expect(await errorOf(poll(begun.device_code))).toBe('authorization_pending')
    expect((await browser.get('/sign-in/device')).body).toContain('name="user_code"')
    const entered = `user_code=${begun.user_code?.toLowerCase().replace('-', '+')}`
    const { body } = await browser.get(`/sign-in/device?${entered}`)
    expect(body).toContain(`<code>${begun.user_code}</code>`)
    const answered = await browser.post('/sign-in/device', {
      user_code: begun.user_code ?? '',
      answer: 'allow',
    })
    expect(answered.status).toBe(200)
    expect(principalOf(await poll(begun.device_code))).toBe('user:1')
    // once
    expect(await errorOf(poll(begun.device_code))).toBe('authorization_pending')
  })

  it('learns that the person denies', async () => {
    const { device_code, user_code = '' } = await start()
    await browser.post('/sign-in/device', { user_code, answer: 'deny' })
    expect(await errorOf(poll(device_code))).toBe('access_denied')
  })

  it('waits between its requests, and not for ever', async () => {
    const { device_code = '' } = await start()
    await poll(device_code)
    const again = program.post('/sign-in/token', { grant_type: DEVICE_GRANT, device_code })
    expect(await errorOf(again)).toBe('slow_down')
    server.later(600_000)
    expect(await errorOf(poll(device_code))).toBe('expired_token')
    expect(await errorOf(poll('forged.code'))).toBe('expired_token')
  })

  it('gets nothing of a person who was suspended meanwhile', async () => {
    const { device_code, user_code = '' } = await start()
    await browser.post('/sign-in/device', { user_code, answer: 'allow' })
    server.users.suspend(ADMIN, 1)
    expect(await errorOf(poll(device_code))).toBe('invalid_grant')
  })

  it('cannot have its code guessed by someone who has signed in', async () => {
    const statuses = []
    for (let attempt = 0; attempt < 12; attempt += 1) {
      statuses.push(
        (await browser.post('/sign-in/device', { user_code: 'BCDFGHJK', answer: 'allow' })).status,
      )
    }
    expect(statuses.slice(9)).toEqual([400, 429, 429])
  })

  it('is not told to continue by a person who enters a wrong code, or an old one', async () => {
    const { user_code = '' } = await start()
    const both = async (code: string) => {
      const asked = await browser.get(`/sign-in/device?user_code=${code}`)
      const answered = await browser.post('/sign-in/device', { user_code: code, answer: 'allow' })
      return [asked.status, answered.status]
    }
    expect(await both(user_code.slice(1))).toEqual([400, 400])
    expect((await browser.get('/sign-in/device?user_code=BCDFGHJK')).body).toContain('begin again')
    server.later(15 * 60_000)
    expect(await both(user_code)).toEqual([400, 400])
  })

  it('needs a person who has signed in', async () => {
    const stranger = server.browser()
    expect((await stranger.get('/sign-in/device?user_code=BCDFGHJK')).headers.Location).toBe(
      '/sign-in?to=%2Fsign-in%2Fdevice%3Fuser_code%3DBCDFGHJK',
    )
    const { user_code = '', device_code } = await start()
    await stranger.post('/sign-in/device', { user_code, answer: 'allow' })
    expect(await errorOf(poll(device_code))).toBe('authorization_pending')
  })
})

it('10,000 requests to the pages and endpoints get a response that is no error of the server', async () => {
  const paths = ['', '/callback', '/command-line', '/device', '/device/code', '/token'].map(
    (path) => `/sign-in${path}`,
  )
  const name = fc.constantFrom(
    'to',
    'state',
    'code',
    'redirect_uri',
    'code_challenge',
    'user_code',
    'grant_type',
    'device_code',
    'answer',
  )
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...Object.values(ASKED), 'authorization_code', DEVICE_GRANT, 'allow', 'BCDFGHJK'),
  )
  const fields = fc.dictionary(name, value)
  const request = fc.record({
    path: fc.constantFrom(...paths),
    method: fc.constantFrom('GET', 'POST', 'PUT', 'constructor'),
    query: fields,
    form: fields,
    cookie: fc.oneof(fc.string(), fc.constant('imagestreams=iss_x; imagestreams-sign-in=a.b')),
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ query: parameters, form, ...rest }) => {
      const { status } = await server.signIn.handle({
        ...rest,
        query: new URLSearchParams(parameters),
        form: new URLSearchParams(form),
        host: 'localhost:4000',
        isOverTls: false,
        isOwnPage: true,
        client: { address: null, requestId: null },
      })
      expect(status).toBeLessThan(500)
    }),
    { numRuns: 10_000 },
  )
})
