import { pino } from 'pino'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/app/config.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

const PUBLIC_URL = new URL('https://streams.example.org:8443')

let server: SignedInApp
beforeAll(async () => {
  server = await startSignedInApp({
    config: { publicUrl: PUBLIC_URL, allowedOrigins: ['https://ci.example.org'] },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

/** Sends a request as a proxy does that changes `Host`, or keeps it. */
async function send(path: string, headers: Readonly<Record<string, string>>, body?: string) {
  const method = body === undefined ? 'GET' : 'POST'
  const response = await request(`${server.url}${path}`, { method, headers, body: body ?? null })
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() }
}

describe('a page of a server behind a proxy that adds TLS', () => {
  const cookie = () => `__Host-imagestreams=${server.secrets.member}`
  const query = (headers: Readonly<Record<string, string>>) =>
    send(
      '/graphql',
      { 'content-type': 'application/json', cookie: cookie(), ...headers },
      '{"query":"{ viewer { kind } }"}',
    )

  it.each([
    ['keeps Host', PUBLIC_URL.host],
    ['leaves out its port', PUBLIC_URL.hostname],
    ['sends its own', '127.0.0.1:4000'],
  ])('uses its session when the proxy %s', async (_what, host) => {
    expect((await query({ host, origin: PUBLIC_URL.origin })).status).toBe(200)
    const form = {
      host,
      origin: PUBLIC_URL.origin,
      cookie: cookie(),
      'content-type': 'application/x-www-form-urlencoded',
    }
    expect((await send('/sign-in/device', form, 'answer=allow')).status).not.toBe(403)
  })

  it('is not that of another site, whose refusal names the settings', async () => {
    const refused = await query({ origin: 'https://evil.example' })
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining('which is --public-url behind a proxy'),
    ])
    for (const origin of ['https://ci.example.org', 'https://evil.example']) {
      const form = { origin, cookie: cookie(), 'content-type': 'application/x-www-form-urlencoded' }
      expect((await send('/sign-in/device', form, 'answer=allow')).status).toBe(403)
    }
  })
})

describe('a client of a proxy that is trusted', () => {
  const from = (address: string, authorization: string) => ({
    'x-forwarded-for': `198.51.100.9, ${address}`,
    authorization,
    'content-type': 'application/json',
  })

  it('has its own address in the audit log, and its own limit of wrong credentials', async () => {
    const config = { trustedProxies: ['127.0.0.1/32'], failedSignInsPerMinute: 5 }
    await using app = await startSignedInApp({ config })
    const statusOf = async (path: string, address: string, authorization: string) => {
      const response = await request(`${app.url}${path}`, { headers: from(address, authorization) })
      await response.body.dump()
      return response.statusCode
    }
    for (let guess = 0; guess < 10; guess++) await statusOf('/v2/', '192.0.2.7', `Bearer ist_${guess}`)
    expect(await statusOf('/v2/', '192.0.2.7', `Bearer ist_wrong`)).toBe(429)
    expect(await statusOf('/v2/', '192.0.2.8', `Bearer ${app.secrets.token}`)).toBe(200)
    expect(await statusOf('/graphql?query={viewer{kind}}', '2001:db8::8', 'Bearer ist_0')).toBe(401)

    const { auditEntries } = await app
      .as('admin')
      .request<{ auditEntries: { nodes: { address: string }[] } }>(
        '{ auditEntries(first: 10) { nodes { address outcome } } }',
      )
    const addresses = new Set(auditEntries.nodes.map(({ address }) => address))
    expect(addresses).toContain('192.0.2.7')
    expect(addresses).not.toContain('198.51.100.9')
  })
})

describe('a server that other machines reach without a proxy', () => {
  const warnings = async (config: Partial<Config>) => {
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line).msg) })
    await using _app = await startApp({ signIn: 'tokens', host: '0.0.0.0', ...config }, { log })
    // others are about the machine
    return lines.filter((line) => line.includes('TLS'))
  }

  it('warns at its start that credentials are sent without TLS', async () => {
    const text = expect.stringContaining('set --public-url to its https origin')
    expect(await warnings({})).toEqual([text])
    expect(await warnings({ publicUrl: new URL('http://streams.example.org') })).toEqual([text])
    expect(await warnings({ publicUrl: PUBLIC_URL })).toEqual([])
    expect(await warnings({ host: '127.0.0.1' })).toEqual([])
  })
})

describe('a refusal in the registry', () => {
  it.each([
    ['another Host', 421, { host: 'evil.example' }, '--allowed-hosts'],
    ['a page of another site', 403, { origin: 'https://evil.example' }, '--allowed-origins'],
    ['an image of another site', 403, { 'sec-fetch-site': 'cross-site' }, '--allowed-origins'],
  ])('of %s has the form of the registry and names the setting', async (_what, status, headers, setting) => {
    for (const path of ['/v2/', '/v2/team/app/manifests/v1', '/v2/_catalog', '/token']) {
      const refused = await send(path, headers)
      expect([path, refused.status]).toEqual([path, status])
      expect(JSON.parse(refused.text)).toEqual({
        errors: [{ code: 'DENIED', message: expect.stringContaining(setting) }],
      })
    }
  })
})

describe('the cookie of a server whose settings name no https', () => {
  let plain: TestApp
  beforeAll(async () => {
    plain = await startApp({ signIn: 'tokens', adminLink: true })
  })
  afterAll(() => plain[Symbol.asyncDispose]())

  const cookieOf = async (headers: Readonly<Record<string, string>>) => {
    await plain.restart()
    const { url, firstAdminLink } = plain.app
    const code = new URL(firstAdminLink ?? '').searchParams.get('code')
    const response = await request(`${url}/sign-in/first-admin`, {
      method: 'POST',
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: `code=${code}`,
    })
    await response.body.dump()
    expect(response.statusCode).toBe(303)
    return String(response.headers['set-cookie'])
  }

  it('is Secure all the same when the browser uses TLS', async () => {
    expect(await cookieOf({})).not.toContain('Secure')
    expect(await cookieOf({ origin: 'http://localhost:4000', host: 'localhost:4000' })).not.toContain(
      'Secure',
    )
    expect(await cookieOf({ origin: 'https://localhost', host: 'localhost' })).toMatch(
      /^imagestreams=.*; Secure$/,
    )
    expect(await cookieOf({ 'x-forwarded-proto': 'https' })).toMatch(/; Secure$/)
  })
})
