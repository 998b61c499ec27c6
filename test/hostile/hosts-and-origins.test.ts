import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { forEachBounded } from '../../src/concurrency/bounded.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

const SETTINGS = {
  allowedHosts: ['registry.example.org', '*.team.example.org'],
  allowedOrigins: ['https://ci.example.org'],
  registryHost: 'images.example.org:5000',
  costPerMinute: 0,
  requestsPerMinute: 0,
  failedSignInsPerMinute: 0,
}

/** Values of `Host` under which every server with these settings may be addressed. */
const OWN = [
  '127.0.0.1',
  'LOCALHOST:4000',
  'localhost.',
  '[2001:DB8::1]:4000',
  '192.0.2.7:80',
  'a.team.example.org:443',
  'ci.example.org:4000',
]
/** More of them. */
const ALSO_OWN = [
  ...['localhost', '0x7f.1', '2130706433', '[::1]', '[::ffff:192.0.2.7]', 'images.example.org'],
  ...['Registry.Example.ORG:4000', 'registry.example.org.', 'b.a.team.example.org:1'],
]
/** Names that only the local network resolves. */
const LOCAL = ['registry', 'registry.local:4000', 'a.localhost', 'streams.internal', 'NAS.home.arpa.']
/** Names that the author of a page may own, and values that are no host. */
const FOREIGN = [
  ...['evil.example', 'EVIL.EXAMPLE:4000', 'evil.example.', '127.0.0.1.nip.io', 'localhost.evil.example'],
  ...['team.example.org', 'evilteam.example.org', 'registry.example.org.evil.example', 'xn--80ak6aa92e.com'],
  ...[
    'user@localhost',
    'localhost@evil.example',
    'localhost/x',
    'localhost?x',
    'localhost#x',
    'localhost\\x',
  ],
  ...[
    '',
    '.',
    'localhost..',
    'localhost:99999',
    'localhost:1:1',
    '[::1',
    '[::1]x',
    'a b',
    'localhost, evil.example',
  ],
]

/** Returns the origin as browsers send it, without the default port of its scheme. */
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : url)

type Origin = (host: string) => string | undefined
const FRIENDLY: Readonly<Record<string, Origin>> = {
  none: () => undefined,
  own: (host) => originOf(`http://${host}`),
  'own with TLS, at a proxy': (host) => originOf(`https://${host}`),
  allowed: () => 'https://ci.example.org',
}
const HOSTILE: Readonly<Record<string, Origin>> = {
  null: () => 'null',
  empty: () => '',
  foreign: () => 'https://evil.example',
  'of another port': () => 'http://localhost:1',
  'allowed, with another port': () => 'https://ci.example.org:8443',
  'allowed, without TLS': () => 'http://ci.example.org',
  'allowed, with a dot': () => 'https://ci.example.org.',
  'allowed, in upper case': () => 'HTTPS://CI.EXAMPLE.ORG',
  'allowed, as user information': () => 'https://ci.example.org@evil.example',
  'own and another': (host) => `http://${host}, https://evil.example`,
}
/** Values of `Sec-Fetch-Site` for pages of this server and for programs, and for pages of other sites. */
const OWN_SITES = [undefined, 'same-origin', 'none']
const OTHER_SITES = ['same-site', 'cross-site', 'Same-Origin']

/** Which requests are accepted, of those that name the server. */
type Rule = (page: {
  readonly origin: string | undefined
  readonly isFriend: boolean
  readonly site?: string | undefined
}) => boolean
const everyone: Rule = () => true
const ofNoForeignOrigin: Rule = ({ isFriend }) => isFriend
const ofNoOtherSite: Rule = ({ origin, isFriend, site }) =>
  isFriend && (origin !== undefined || OWN_SITES.includes(site))
const ofKnownPage: Rule = ({ origin, isFriend }) => isFriend && origin !== undefined

interface Surface {
  readonly rule: Rule
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Status when it is accepted, without sign-in and with. */
  readonly status: number | readonly [open: number, signIn: number]
}
const QUERY = '/graphql?query={server{version}}'
const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'graphql-transport-ws',
}
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const SURFACES: Readonly<Record<string, Surface>> = {
  'a query': { rule: ofNoOtherSite, path: QUERY, status: 200 },
  'a posted operation': {
    rule: ofNoOtherSite,
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{server{version}}"}',
    status: 200,
  },
  'an event stream': {
    rule: ofNoOtherSite,
    path: QUERY,
    headers: { accept: 'text/event-stream' },
    status: 200,
  },
  'a WebSocket': { rule: ofNoForeignOrigin, path: '/graphql', headers: UPGRADE, status: 101 },
  'a page': { rule: everyone, path: '/graphql', headers: { accept: 'text/html' }, status: 200 },
  metrics: { rule: everyone, path: '/metrics', status: [200, 401] },
  'the registry': { rule: ofNoOtherSite, path: '/v2/', status: 401 },
  'a deletion in the registry': {
    rule: ofNoOtherSite,
    method: 'DELETE',
    path: '/v2/team/app/manifests/v1',
    status: [404, 401],
  },
  'a token of the registry': { rule: ofNoOtherSite, path: '/token', status: 200 },
}
const SIGN_IN: Readonly<Record<string, Surface>> = {
  'the page of the first admin': { rule: everyone, path: '/sign-in/first-admin', status: 200 },
  'the form of the first admin': {
    rule: ofNoForeignOrigin,
    method: 'POST',
    path: '/sign-in/first-admin',
    headers: FORM,
    body: 'code=x',
    status: 401,
  },
  'a sign-out without a session': { rule: everyone, method: 'POST', path: '/sign-out', status: 204 },
}
/** Requests with a session, as browsers send it. */
const WITH_COOKIE: Readonly<Record<string, Surface>> = {
  'a query with a cookie': { rule: ofNoOtherSite, path: QUERY, status: 200 },
  'a posted operation with a cookie': { ...SURFACES['a posted operation'], rule: ofKnownPage } as Surface,
  'a WebSocket with a cookie': { ...SURFACES['a WebSocket'], rule: ofKnownPage } as Surface,
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 })
let open: TestApp
let signedIn: SignedInApp
beforeAll(async () => {
  open = await startApp({ ...SETTINGS, openToEverybody: true })
  signedIn = await startSignedInApp({ config: SETTINGS })
})
afterAll(async () => {
  agent.destroy()
  await open[Symbol.asyncDispose]()
  await signedIn[Symbol.asyncDispose]()
})

type Headers = Readonly<Record<string, string | undefined>>

/** Sends a request with exactly these headers; returns the status. */
async function statusOf(
  url: string,
  { method, path, headers, body }: Surface,
  more: Headers,
): Promise<number> {
  const all = Object.entries({ ...headers, ...more }).filter(([, value]) => value !== undefined)
  const isUpgrade = headers?.upgrade !== undefined
  const sent = request(new URL(path, url), {
    method: method ?? 'GET',
    setHost: false,
    headers: Object.fromEntries(all) as Record<string, string>,
    agent: isUpgrade ? false : agent,
  })
  sent.end(body)
  const [response] = (await Promise.race([once(sent, 'response'), once(sent, 'upgrade')])) as [
    IncomingMessage,
  ]
  if (isUpgrade) sent.destroy()
  else response.resume()
  return response.statusCode ?? 0
}

/** Sends the request with every combination of the headers; returns the combinations with another status than the expected. */
async function surprises(
  url: string,
  surface: Surface,
  options: { readonly signIn: boolean; readonly cookie?: string },
) {
  const status = typeof surface.status === 'number' ? surface.status : surface.status[options.signIn ? 1 : 0]
  const owned = [...OWN, ...ALSO_OWN]
  // on loopback others in the network may point their names at this machine
  const isNamed = (host: string) => owned.includes(host) || (!options.signIn && LOCAL.includes(host))
  const combine = (hosts: readonly string[], origins: Readonly<Record<string, Origin>>) =>
    hosts.flatMap((host) =>
      Object.entries(origins).flatMap(([origin, sentBy]) =>
        [...OWN_SITES, ...OTHER_SITES].map((site) => ({ host, origin, site, value: sentBy(host) })),
      ),
    )
  const { none, own, allowed } = FRIENDLY as Record<string, Origin>
  const { foreign } = HOSTILE as Record<string, Origin>
  const cases = [
    ...combine(OWN, { ...FRIENDLY, ...HOSTILE }),
    ...combine(ALSO_OWN, { none, allowed, foreign } as Record<string, Origin>),
    ...combine([...LOCAL, ...FOREIGN], { none, own, foreign } as Record<string, Origin>),
  ]
  const wrong: object[] = []
  await forEachBounded(cases, 16, async ({ host, origin, site, value }) => {
    const page = { origin: value, isFriend: origin in FRIENDLY, site }
    const expected = !isNamed(host) ? 421 : surface.rule(page) ? status : 403
    const headers = { host, origin: value, 'sec-fetch-site': site, cookie: options.cookie }
    const got = await statusOf(url, surface, headers)
    if (got !== expected) wrong.push({ host, origin, site, expected, got })
  })
  return wrong
}

describe('every combination of Host, Origin and Sec-Fetch-Site', () => {
  test.each(Object.entries(SURFACES))(
    'of %s is accepted or refused by one table: open',
    async (_name, surface) => {
      expect(await surprises(open.app.url, surface, { signIn: false })).toEqual([])
    },
  )

  test.each(Object.entries({ ...SURFACES, ...SIGN_IN }))(
    'of %s is accepted or refused by one table: with sign-in',
    async (_name, surface) => {
      expect(await surprises(signedIn.url, surface, { signIn: true })).toEqual([])
    },
  )

  test.each(Object.entries(WITH_COOKIE))(
    'of %s is accepted or refused by one table',
    async (_name, surface) => {
      const cookie = `imagestreams=${signedIn.secrets.member}`
      expect(await surprises(signedIn.url, surface, { signIn: true, cookie })).toEqual([])
    },
  )
})

describe('a name that a page points at this server', () => {
  test('reads nothing, and the response names the setting', async () => {
    for (const { url } of [open.app, signedIn]) {
      for (const path of [
        '/',
        QUERY,
        '/v2/_catalog',
        '/metrics',
        '/sign-in',
        '/graphql/files/x',
        '/nowhere',
      ]) {
        const response = await fetchWithHost(url, path, 'evil.example')
        expect([path, response.status]).toEqual([path, 421])
        expect(response.body).toContain('--allowed-hosts (IMAGESTREAMS_ALLOWED_HOSTS)')
      }
    }
  })

  test('sees that the server is alive, as monitors under any name do', async () => {
    for (const path of ['/healthz', '/readyz'])
      expect((await fetchWithHost(open.app.url, path, 'evil.example')).status).toBe(200)
  })
})

test('a request without Host, as no browser sends it, is accepted', async () => {
  const { port } = new URL(open.app.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('GET /graphql?query={server{version}} HTTP/1.0\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /)
})

async function fetchWithHost(url: string, path: string, host: string) {
  const sent = request(new URL(path, url), { setHost: false, headers: { host }, agent }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await text(response) }
}
