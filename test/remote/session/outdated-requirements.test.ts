import { describe, expect, test } from 'vitest'
import type { Credentials } from '../../../src/remote/login/credentials.ts'
import { image } from '../../fixtures/random-image.ts'
import { password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorResponse, json, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const REPOSITORIES = ['team/app', 'team/other', 'else/where', 'else/other']
const app = image({ seed: 'app' })
const FOUND = { digest: app.digest }

/** A token server: its token, and its response, which may be replaced. */
async function startTokenServer(token: string) {
  const upstream = await startUpstream()
  const server = {
    token,
    upstream,
    realm: `${upstream.url}/token`,
    response: json(200, { token, expires_in: 300 }),
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
  upstream.hook = () => server.response
  return server
}
type TokenServer = Awaited<ReturnType<typeof startTokenServer>>

/** A registry whose repositories require tokens of these servers; none for null. */
async function startRegistry(serverOf: (repository: string) => TokenServer | null) {
  const upstream = await startUpstream()
  for (const repository of REPOSITORIES) {
    for (const name of ['1', '2']) upstream.push(repository, name, app)
  }
  const registry = {
    upstream,
    serverOf,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
  upstream.hook = ({ repository, headers }) => {
    const server = registry.serverOf(repository)
    return !server || headers.authorization === `Bearer ${server.token}` ? undefined : challengeOf(server)
  }
  return registry
}

const challengeOf = ({ realm }: Pick<TokenServer, 'realm'>): UpstreamResponse =>
  errorResponse(401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${realm}",service="s"` })

const resolve = (
  client: TestClient,
  { host }: Upstream,
  name = 'team/app',
  namespace: string | null = null,
) => client.repository(`${host}/${name}`, { namespace }).resolveTag(tag('1'), null)

const anonymousRequests = ({ log }: Upstream) => log.filter(({ headers }) => !headers.authorization).length

/** What a token server that was replaced does. */
const RETIREMENTS: readonly [string, (server: TokenServer) => unknown][] = [
  ...[400, 401, 403, 404, 410, 500, 503].map((status): [string, (server: TokenServer) => unknown] => [
    `responds with ${status}`,
    (server) => {
      server.response = errorResponse(status, 'GONE')
    },
  ]),
  ['is unreachable', (server) => server.upstream[Symbol.asyncDispose]()],
  [
    'is a web page',
    (server) => {
      server.response = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }
    },
  ],
]

describe('a token server that moved, while the old one', () => {
  test.each(RETIREMENTS)(
    '%s, is found for each repository of the host without a restart',
    async (_, retire) => {
      await using before = await startTokenServer('old')
      await using after = await startTokenServer('new')
      await using registry = await startRegistry(() => before)
      await using client = new TestClient()
      expect(await resolve(client, registry.upstream)).toEqual(FOUND)
      await retire(before)
      registry.serverOf = () => after
      // the old token has expired
      client.clock.time += 400_000

      for (const name of REPOSITORIES) expect(await resolve(client, registry.upstream, name)).toEqual(FOUND)
    },
  )

  test.each(RETIREMENTS)(
    '%s, receives the credential of each repository at its new place',
    async (_, retire) => {
      await using before = await startTokenServer('old')
      await using after = await startTokenServer('new')
      await using registry = await startRegistry(() => before)
      await using client = new TestClient({
        credentials: password(LOGIN.username, LOGIN.password),
        trustedRealms: { [registry.upstream.host]: [before.upstream.host, after.upstream.host] },
      })
      expect(await resolve(client, registry.upstream)).toEqual(FOUND)
      await retire(before)
      registry.serverOf = () => after

      expect(await resolve(client, registry.upstream, 'else/where')).toEqual(FOUND)

      expect(after.upstream.log.map(({ headers }) => headers.authorization?.split(' ')[0])).toEqual(['Basic'])
    },
  )

  test('responds with 500, is requested by one of many concurrent requests', async () => {
    await using before = await startTokenServer('old')
    await using after = await startTokenServer('new')
    await using registry = await startRegistry(() => before)
    await using client = new TestClient()
    await resolve(client, registry.upstream)
    before.response = errorResponse(500, 'GONE')
    registry.serverOf = () => after
    client.clock.time += 400_000
    registry.upstream.reset()

    const resolved = await Promise.all(Array.from({ length: 30 }, () => resolve(client, registry.upstream)))

    expect(resolved).toEqual(Array.from({ length: 30 }, () => FOUND))
    expect(anonymousRequests(registry.upstream)).toBe(1)
    expect(after.upstream.log).toHaveLength(1)
  })
})

test('headers that identify the software of a registry are replaced by those of a new challenge', async () => {
  await using server = await startTokenServer('good')
  await using registry = await startRegistry(() => server)
  await using client = new TestClient()
  const signal = new AbortController().signal
  const context = { insecure: false, lane: 'test', namespace: null, signal }
  const api = client.remote.api({ registry: registry.upstream.host, repository: 'team/app' }, context)
  const challenge = registry.upstream.hook
  registry.upstream.hook = () => json(200, {}, { 'x-jfrog-version': 'Artifactory/7' })
  await api.origin()
  expect(api.firstResponseHeaders).toHaveProperty('x-jfrog-version')

  registry.upstream.hook = challenge
  await resolve(client, registry.upstream)

  expect(api.firstResponseHeaders).not.toHaveProperty('x-jfrog-version')
})

describe('authentication that was switched off', () => {
  test.each(RETIREMENTS)('is noticed when the token server %s', async (_, retire) => {
    await using server = await startTokenServer('old')
    await using registry = await startRegistry(() => server)
    await using client = new TestClient()
    await resolve(client, registry.upstream)
    await retire(server)
    registry.serverOf = () => null
    client.clock.time += 400_000

    for (const name of REPOSITORIES) expect(await resolve(client, registry.upstream, name)).toEqual(FOUND)
    server.upstream.reset()
    await resolve(client, registry.upstream)
    expect(server.upstream.log).toEqual([])
  })

  test.each([400, 401, 403])('is noticed when the registry responds with %i to a token', async (status) => {
    await using server = await startTokenServer('old')
    await using registry = await startRegistry(() => server)
    await using client = new TestClient()
    await resolve(client, registry.upstream)
    registry.upstream.hook = ({ headers }) =>
      headers.authorization ? errorResponse(status, 'UNSUPPORTED') : undefined

    expect(await resolve(client, registry.upstream)).toEqual(FOUND)
  })

  test('leaves a missing tag NotFound, after the base confirmed that no login is needed', async () => {
    await using server = await startTokenServer('old')
    await using registry = await startRegistry(() => server)
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    await resolve(client, registry.upstream)
    await server.upstream[Symbol.asyncDispose]()
    registry.serverOf = () => null
    client.clock.time += 400_000

    const missing = client.repository(`${registry.upstream.host}/team/app`).resolveTag(tag('none'), null)

    expect(await refusalOf(missing)).toMatchObject({ reason: 'NotFound' })
  })
})

describe('authentication that was switched on', () => {
  test('is noticed where the registry hides its repositories from anonymous clients by a 404', async () => {
    await using server = await startTokenServer('good')
    await using registry = await startRegistry(() => null)
    await using client = new TestClient({
      credentials: password(LOGIN.username, LOGIN.password),
      trustedRealms: { [registry.upstream.host]: [server.upstream.host] },
    })
    await resolve(client, registry.upstream)
    registry.upstream.hook = ({ kind, headers }) => {
      if (headers.authorization === 'Bearer good') return undefined
      return kind === 'base' ? challengeOf(server) : errorResponse(404, 'NAME_UNKNOWN')
    }

    for (const name of REPOSITORIES) expect(await resolve(client, registry.upstream, name)).toEqual(FOUND)
  })

  test('costs one request to the base a minute where a tag is missing and no login is needed', async () => {
    await using registry = await startRegistry(() => null)
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    const missing = () =>
      refusalOf(client.repository(`${registry.upstream.host}/team/app`).resolveTag(tag('none'), null))
    for (let request = 0; request < 5; request += 1) expect((await missing()).reason).toBe('NotFound')
    expect(registry.upstream.requests.base).toBe(1)
  })
})

describe("one captive portal's 401", () => {
  test.each(['Basic realm="portal"', 'Bearer realm="http://127.0.0.1:9/portal",service="portal"'])(
    '(%s) does not outlast the portal',
    async (challenge) => {
      await using server = await startTokenServer('good')
      await using registry = await startRegistry(() => server)
      const { hook } = registry.upstream
      for (const isFirst of [true, false]) {
        await using client = new TestClient()
        if (!isFirst) await resolve(client, registry.upstream, 'else/where')
        registry.upstream.hook = () => errorResponse(401, 'LOGIN', { 'www-authenticate': challenge })
        await refusalOf(resolve(client, registry.upstream))
        registry.upstream.hook = hook

        for (const name of REPOSITORIES) expect(await resolve(client, registry.upstream, name)).toEqual(FOUND)
      }
    },
  )
})

describe('a refused credential', () => {
  test('is sent again in the same import after a minute: the 401 may have been that of a captive portal', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'basic', credentials: LOGIN } })
    upstream.push('team/app', '1', app)
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    const repository = client.repository(`${upstream.host}/team/app`)
    upstream.hook = () => errorResponse(401, 'LOGIN', { 'www-authenticate': 'Basic realm="portal"' })
    await refusalOf(repository.resolveTag(tag('1'), null))
    upstream.hook = undefined
    upstream.reset()
    await refusalOf(repository.resolveTag(tag('1'), null))
    expect(upstream.log.filter(({ headers }) => headers.authorization)).toEqual([])

    client.clock.time += 60_001
    expect(await repository.resolveTag(tag('1'), null)).toEqual(FOUND)
  })
})

describe("one repository's own refusing token server", () => {
  test.each(RETIREMENTS)(
    '(it %s) blocks no other repository of the host, in no namespace',
    async (_, retire) => {
      await using good = await startTokenServer('good')
      await using bad = await startTokenServer('bad')
      await retire(bad)
      await using registry = await startRegistry((name) => (name === 'else/where' ? bad : good))
      for (const isFirst of [true, false]) {
        await using client = new TestClient()
        if (!isFirst) expect(await resolve(client, registry.upstream, 'team/app', 'a')).toEqual(FOUND)
        await refusalOf(resolve(client, registry.upstream, 'else/where', 'a'))

        for (const name of ['team/app', 'team/other', 'else/other']) {
          expect(await resolve(client, registry.upstream, name, 'b')).toEqual(FOUND)
        }
        await refusalOf(resolve(client, registry.upstream, 'else/where', 'b'))
      }
    },
  )

  test('is requested by other repositories at most until one of them succeeded', async () => {
    await using good = await startTokenServer('good')
    await using bad = await startTokenServer('bad')
    bad.response = errorResponse(403, 'DENIED')
    await using registry = await startRegistry((name) => (name === 'else/where' ? bad : good))
    await using client = new TestClient()
    await refusalOf(resolve(client, registry.upstream, 'else/where'))
    await resolve(client, registry.upstream, 'team/app')
    bad.upstream.reset()

    await resolve(client, registry.upstream, 'team/other')
    await resolve(client, registry.upstream, 'else/other')

    expect(bad.upstream.log).toEqual([])
  })
})

describe('a hint that is not outdated', () => {
  test('is doubted by one additional request when the credential is wrong, and then not for a minute', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
    upstream.push('team/app', '1', app)
    upstream.push('team/app', '2', app)
    let credentials: Credentials = password(LOGIN.username, LOGIN.password)
    await using client = new TestClient({ credentials: { find: (...name) => credentials.find(...name) } })
    await resolve(client, upstream)
    credentials = password(LOGIN.username, 'wrong')
    upstream.reset()

    for (let request = 0; request < 5; request += 1) {
      expect(await refusalOf(resolve(client, upstream))).toMatchObject({ reason: 'Unauthorized' })
    }

    expect(
      upstream.log.map(({ kind, headers }) => `${kind} ${headers.authorization?.split(' ')[0] ?? '-'}`),
    ).toEqual([
      'token Basic',
      'head -',
      // a credential without access must not make a public repository unreadable
      'token -',
      'head Bearer',
      ...Array.from({ length: 4 }, () => 'head Bearer'),
    ])
  })

  test('is not doubted after a 429 of the token server', async () => {
    await using server = await startTokenServer('good')
    await using registry = await startRegistry(() => server)
    await using client = new TestClient()
    await resolve(client, registry.upstream)
    server.response = errorResponse(429, 'TOOMANYREQUESTS', { 'retry-after': '600' })
    client.clock.time += 400_000
    registry.upstream.reset()

    expect(await refusalOf(resolve(client, registry.upstream))).toMatchObject({ reason: 'TooManyRequests' })
    expect(registry.upstream.log).toEqual([])
  })

  test.each([404, 429, 503])('is not doubted after a %i of the registry', async (status) => {
    await using server = await startTokenServer('good')
    await using registry = await startRegistry(() => server)
    await using client = new TestClient()
    await resolve(client, registry.upstream)
    registry.upstream.reset()
    registry.upstream.hook = () => errorResponse(status, 'NO')

    await refusalOf(resolve(client, registry.upstream))

    expect(anonymousRequests(registry.upstream)).toBe(0)
  })

  test('never turns the failure of a token server into a missing tag', async () => {
    await using server = await startTokenServer('good')
    await using registry = await startRegistry(() => server)
    await using client = new TestClient({
      credentials: password(LOGIN.username, LOGIN.password),
      trustedRealms: { [registry.upstream.host]: [server.upstream.host] },
    })
    await resolve(client, registry.upstream)
    registry.upstream.hook = ({ kind, headers }) => {
      if (headers.authorization === 'Bearer good') return undefined
      return kind === 'base' ? challengeOf(server) : errorResponse(404, 'NAME_UNKNOWN')
    }
    server.response = errorResponse(500, 'DOWN')
    client.clock.time += 400_000

    expect(await refusalOf(resolve(client, registry.upstream))).toMatchObject({
      reason: 'RegistryUnavailable',
      status: 500,
    })
  })
})
