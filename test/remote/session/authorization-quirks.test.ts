import { describe, expect, test } from 'vitest'
import type { Secret } from '../../../src/logins/registry-login.ts'
import { type CloudEndpoint, startCloud } from '../../fixtures/cloud.ts'
import { image } from '../../fixtures/random-image.ts'
import { always, password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse, json } from '../../fixtures/upstream-response.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const IDENTITY: Secret = { kind: 'identity', username: '', token: 'refresh me' }
const app = image({ seed: 'app' })

/** A registry with a token server that responds as `endpoint` does. */
async function startApart(endpoint: CloudEndpoint) {
  const server = await startCloud(endpoint)
  const realm = server.endpoint(new URL('https://auth.example/token'))
  const challenge = `Bearer realm="${realm}",service="registry.example",scope="repository:team/app:pull"`
  const upstream = await startUpstream({ auth: { scheme: 'bearer', mayPull: () => false, challenge } })
  upstream.push('team/app', '1', app)
  upstream.hook = ({ headers }) =>
    headers.authorization === 'Bearer good'
      ? {
          status: 200,
          headers: { 'content-type': app.mediaType, 'docker-content-digest': app.digest },
          body: '',
        }
      : undefined
  const resolveAs = async (secret: Secret) => {
    const trustedRealms = { [upstream.host]: [realm.host] }
    await using client = new TestClient({ credentials: always(secret), trustedRealms })
    return client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
  }
  return {
    server,
    resolveAs,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const good = () => json(200, { token: 'good' })

describe('a token request by GET', () => {
  test('repeats scope= and never requests an offline_token', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
    upstream.push('team/app', '1', app)
    upstream.hook = ({ headers, kind }, response) =>
      kind !== 'token' && !headers.authorization
        ? errorResponse(401, 'UNAUTHORIZED', {
            'www-authenticate': `Bearer realm="${upstream.url}/token",service="s",scope="repository:team/app:pull repository:base:pull"`,
          })
        : response
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)

    const [token] = upstream.log.filter(({ kind }) => kind === 'token')
    expect([...(token?.query ?? [])]).toEqual([
      ['service', 's'],
      ['scope', 'repository:team/app:pull'],
      ['scope', 'repository:base:pull'],
    ])
  })
})

describe('a token request by POST (OAuth 2)', () => {
  test('sends grant_type=refresh_token, service, client_id and one space-joined scope, and never requests offline access', async () => {
    await using it = await startApart(good)

    expect(await it.resolveAs(IDENTITY)).toEqual({ digest: app.digest })

    const [post] = it.server.log
    expect(post?.method).toBe('POST')
    expect(post?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded' })
    expect(post?.headers.authorization).toBeUndefined()
    expect(Object.fromEntries(new URLSearchParams(post?.body))).toEqual({
      grant_type: 'refresh_token',
      service: 'registry.example',
      client_id: 'imagestreams',
      refresh_token: 'refresh me',
      scope: 'repository:team/app:pull',
    })
  })

  test.each([404, 405])('falls back to GET, as the user <token>, after a response %i', async (status) => {
    await using it = await startApart(({ method }) =>
      method === 'POST' ? errorResponse(status, 'UNSUPPORTED') : good(),
    )

    expect(await it.resolveAs(IDENTITY)).toEqual({ digest: app.digest })

    expect(it.server.log.map(({ method }) => method)).toEqual(['POST', 'GET'])
    const basic = it.server.log[1]?.headers.authorization?.slice('Basic '.length) ?? ''
    expect(Buffer.from(basic, 'base64').toString()).toBe('<token>:refresh me')
  })

  test.each([400, 401, 403, 500])(
    'does not fall back after a response %i: the token server supports OAuth2',
    async (status) => {
      await using it = await startApart(({ method }) =>
        method === 'POST' ? errorResponse(status, 'NO') : null,
      )
      await refusalOf(it.resolveAs(IDENTITY))
      const gets = it.server.log.filter(
        ({ method, headers }) => method === 'GET' && headers.authorization !== undefined,
      )
      expect(gets).toEqual([])
    },
  )

  test('does not follow redirects: the refresh token is for the named server only', async () => {
    await using thief = await startCloud(good)
    await using it = await startApart(() => ({
      status: 307,
      headers: { location: thief.endpoint(new URL('https://thief.example/token')).href },
      body: '',
    }))
    await refusalOf(it.resolveAs(IDENTITY))
    expect(thief.log).toEqual([])
  })
})

describe('the scope of a /v2/ challenge', () => {
  test('is not used for the token of a repository', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
    upstream.push('team/app', '1', app)
    upstream.hook = ({ kind, headers }, response) =>
      kind === 'base' && !headers.authorization
        ? errorResponse(401, 'UNAUTHORIZED', {
            'www-authenticate': `Bearer realm="${upstream.url}/token",service="s",scope="registry:catalog:*"`,
          })
        : response
    await using client = new TestClient()
    const context = { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal }
    const credential = { id: 'me', secret: { kind: 'password', ...LOGIN } as const }
    const place = { registry: upstream.host, repository: 'team/app' }

    expect(await client.remote.checkLogin(place, credential, context)).toMatchObject({ outcome: 'ACCEPTED' })

    const scopes = upstream.log
      .filter(({ kind }) => kind === 'token')
      .flatMap(({ query }) => query.getAll('scope'))
    expect(scopes.length).toBeGreaterThan(0)
    expect(new Set(scopes)).toEqual(new Set(['repository:team/app:pull']))
  })
})

describe('a token without access', () => {
  test('is replaced once when it is old, and then fails with a RegistryError', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
    upstream.push('team/app', '1', app)
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    const resolve = () => client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    await resolve()
    upstream.reset()
    client.clock.time += 20_000
    upstream.hook = ({ kind, headers }) =>
      kind === 'head' && headers.authorization ? errorResponse(401, 'UNAUTHORIZED') : undefined

    expect(await refusalOf(resolve())).toMatchObject({ reason: 'Unauthorized', status: 401 })

    const signedIn = upstream.log.filter(({ headers }) => headers.authorization?.startsWith('Basic'))
    expect(signedIn).toHaveLength(1)
    // repeated bad logins get an address blocked: the new token is not requested again
    await refusalOf(resolve())
    expect(upstream.log.filter(({ headers }) => headers.authorization?.startsWith('Basic'))).toHaveLength(1)
  })
})

describe('the number of token requests', () => {
  test('is one for each scope and credential: two repositories with a hundred tags need two tokens', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
    for (const repository of ['team/app', 'team/other']) upstream.push(repository, '1', app)
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        client.repository(`${upstream.host}/team/${at % 2 ? 'app' : 'other'}`).resolveTag(tag('1'), null),
      ),
    )
    expect(upstream.requests.token).toBe(2)
  })
})
