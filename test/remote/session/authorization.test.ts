import { describe, expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { allTags, always, password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { type Hook, startUpstream } from '../../fixtures/upstream.ts'
import type { UpstreamAuthOptions } from '../../fixtures/upstream-auth.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const app = image({ seed: 'app' })

async function upstreamWith(auth: UpstreamAuthOptions) {
  const upstream = await startUpstream({ auth })
  for (const repository of ['team/app', 'team/other']) {
    for (const name of ['1', '2', '3']) upstream.push(repository, name, app)
  }
  return upstream
}

const authorizationsOf = (upstream: Awaited<ReturnType<typeof upstreamWith>>) =>
  upstream.log.map(({ kind, headers }) => `${kind} ${headers.authorization?.split(' ')[0] ?? '-'}`)

/** A registry that accepts the login and forbids it everything; anonymous clients may read, or get 401. */
const forbidding =
  ({ anybodyMay }: { readonly anybodyMay: boolean }): Hook =>
  ({ kind, headers: { authorization } }) => {
    if (kind === 'token') {
      const body = JSON.stringify({ token: authorization ? 'mine' : 'anybody' })
      return { status: 200, headers: { 'content-type': 'application/json' }, body }
    }
    if (authorization === 'Bearer mine') return errorResponse(403, 'DENIED')
    if (authorization !== 'Bearer anybody' || !anybodyMay) return undefined
    const headers = { 'content-type': app.mediaType, 'docker-content-digest': app.digest }
    return { status: 200, headers, body: '' }
  }

describe('an open registry', () => {
  test('receives only the request itself', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', '1', app)
    await using client = new TestClient({ credentials: password('me', 'secret') })
    const repository = client.repository(`${upstream.host}/team/app`)
    expect(await repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
    expect(authorizationsOf(upstream)).toEqual(['head -'])
  })
})

describe('a registry with basic auth', () => {
  test('receives the login after a challenge, and with every later request', async () => {
    await using upstream = await upstreamWith({ scheme: 'basic', credentials: LOGIN })
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    await repository.resolveTag(tag('2'), null)
    await client.repository(`${upstream.host}/team/other`).resolveTag(tag('1'), null)
    expect(authorizationsOf(upstream)).toEqual(['head -', 'head Basic', 'head Basic', 'head Basic'])
  })

  test('that refuses the login receives it once for any number of tags: repeated bad logins get the IP blocked (watchtower#2176)', async () => {
    await using upstream = await upstreamWith({ scheme: 'basic', credentials: LOGIN })
    await using client = new TestClient({ credentials: password('me', 'wrong') })
    const repository = client.repository(`${upstream.host}/team/app`)
    const first = await refusalOf(repository.resolveTag(tag('1'), null))
    const second = await refusalOf(repository.resolveTag(tag('2'), null))
    expect(first.reason).toBe('Unauthorized')
    expect(first.message).toBe(
      `${upstream.host}/team/app does not exist, or the login for ${upstream.host} has no access to it: it responded with 401; setRegistryCredential or --docker-config provides another login`,
    )
    expect(second.message).toBe(first.message)
    expect(authorizationsOf(upstream).filter((line) => line === 'head Basic')).toHaveLength(1)
  })
})

describe('a registry with tokens', () => {
  test('costs one 401 and one token for a repository, and one token for the next: the pull scope is sent pre-emptively', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    await allTags(repository)
    await repository.resolveTag(tag('1'), null)
    await client.repository(`${upstream.host}/team/other`).resolveTag(tag('1'), null)
    expect(authorizationsOf(upstream)).toEqual([
      'listing -',
      'token -',
      'listing Bearer',
      'head Bearer',
      'token -',
      'head Bearer',
    ])
    expect(upstream.log[1]?.query.getAll('scope')).toEqual(['repository:team/app:pull'])
    expect(upstream.log[1]?.query.get('service')).toBe('upstream.test')
  })

  test('receives one token request for many concurrent tags: single-flight', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    await Promise.all(Array.from({ length: 50 }, () => repository.resolveTag(tag('1'), null)))
    expect(upstream.requests).toMatchObject({ token: 1, head: 51, base: 0 })
  })

  test('gives the token to the other callers when the first one aborts', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    await using client = new TestClient()
    const name = `${upstream.host}/team/app`
    const gate = upstream.hold(({ kind }) => kind === 'token')
    const impatient = new AbortController()
    const first = client.repository(name, { signal: impatient.signal }).resolveTag(tag('1'), null)
    await gate.arrived(1)
    const second = client.repository(name).resolveTag(tag('1'), null)
    impatient.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    gate.open()
    expect(await second).toEqual({ digest: app.digest })
  })

  test('receives the login at its token server only', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer', credentials: LOGIN })
    await using client = new TestClient({ credentials: password(LOGIN.username, LOGIN.password) })
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    expect(authorizationsOf(upstream)).toEqual(['head -', 'token Basic', 'head Bearer'])
  })

  test('accepts an identitytoken by POST, and by GET when POST is 404', async () => {
    for (const identityToken of ['refresh me', undefined]) {
      await using upstream = await upstreamWith({
        scheme: 'bearer',
        credentials: { username: 'me', password: 'refresh me' },
        ...(identityToken && { identityToken }),
      })
      await using client = new TestClient({
        credentials: always({ kind: 'identity', username: 'me', token: 'refresh me' }),
      })
      await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
      const methods = upstream.log.filter(({ kind }) => kind === 'token').map(({ method }) => method)
      expect(methods).toEqual(identityToken ? ['POST'] : ['POST', 'GET'])
    }
  })

  test('accepts a registrytoken without a token request', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer', mayPull: () => false })
    upstream.hook = ({ headers }) =>
      headers.authorization === 'Bearer mine'
        ? {
            status: 200,
            headers: { 'content-type': app.mediaType, 'docker-content-digest': app.digest },
            body: '',
          }
        : undefined
    await using client = new TestClient({ credentials: always({ kind: 'registry', token: 'mine' }) })
    expect(await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)).toEqual({
      digest: app.digest,
    })
    expect(upstream.requests.token).toBe(0)
  })

  test('may call its token access_token', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer', field: 'access_token' })
    await using client = new TestClient()
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    expect(upstream.requests.token).toBe(1)
  })

  test('receives a request for a new token before the old one expires', async () => {
    const clock = { now: () => 0 }
    await using upstream = await upstreamWith({ scheme: 'bearer', expiresIn: 300, now: () => clock.now() })
    await using client = new TestClient()
    clock.now = client.clock.now
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    client.clock.time += 260_000
    await repository.resolveTag(tag('1'), null)
    expect(upstream.requests.token).toBe(1)
    client.clock.time += 15_000
    await repository.resolveTag(tag('1'), null)
    expect(upstream.requests).toMatchObject({ token: 2, head: 4 })
  })

  test.each([
    ['missing', undefined, 60],
    ['below a minute', 5, 60],
    ['not a number', 'never', 60],
    ['of a year', 31_536_000, 86_400],
  ])(
    'whose expires_in is %s has its token used for that time: minimum and default 60 s',
    async (_, expiresIn, seconds) => {
      await using upstream = await upstreamWith({ scheme: 'bearer', expiresIn: 1e9 })
      upstream.hook = ({ kind }, response) =>
        kind === 'token'
          ? {
              ...response,
              headers: {},
              body: JSON.stringify({ ...JSON.parse(response.body.toString()), expires_in: expiresIn }),
            }
          : undefined
      await using client = new TestClient()
      const repository = client.repository(`${upstream.host}/team/app`)
      await repository.resolveTag(tag('1'), null)
      client.clock.time += seconds * 1000 - 31_000
      await repository.resolveTag(tag('1'), null)
      expect(upstream.requests.token).toBe(1)
      client.clock.time += 31_000
      await repository.resolveTag(tag('1'), null)
      expect(upstream.requests.token).toBe(2)
    },
  )

  test('that refuses an old token is retried once with a new one', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    upstream.revokeTokens()
    client.clock.time += 20_000
    await Promise.all(['1', '2', '3'].map((name) => repository.resolveTag(tag(name), null)))
    expect(upstream.requests.token).toBe(2)
  })

  test('never shares a token between credentials', async () => {
    const mayPull = (username: string | null) => username === 'me'
    await using upstream = await upstreamWith({ scheme: 'bearer', credentials: LOGIN, mayPull })
    let credentials = password(LOGIN.username, LOGIN.password)
    await using client = new TestClient({
      credentials: { find: (...repository) => credentials.find(...repository) },
    })
    const name = `${upstream.host}/team/app`
    await client.repository(name).resolveTag(tag('1'), null)
    credentials = { find: async () => null }
    const refused = await refusalOf(client.repository(name).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('Unauthorized')
  })

  test('is requested with the union of scopes, newest first ("some registries only look at the first", ggcr): the challenge’s, then our own', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    const challenge = `Bearer realm="${upstream.url}/token",service="s",scope="repository:virtual/team/app:pull other"`
    upstream.hook = ({ headers, kind }, response) =>
      kind !== 'token' && !headers.authorization
        ? { status: 401, headers: { 'www-authenticate': challenge }, body: '' }
        : response
    await using client = new TestClient()
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    expect(upstream.log[1]?.query.getAll('scope')).toEqual([
      'repository:virtual/team/app:pull',
      'other',
      'repository:team/app:pull',
    ])
  })

  test('reports a repository without access as missing or in need of a login, after one token', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer', mayPull: () => false })
    await using client = new TestClient()
    const refused = await refusalOf(allTags(client.repository(`${upstream.host}/team/app`)))
    expect(refused.reason).toBe('Unauthorized')
    expect(refused.status).toBe(401)
    expect(refused.message).toBe(
      `${upstream.host}/team/app does not exist or needs a login: it responded with 401 UNAUTHORIZED: unauthorized; setRegistryCredential or --docker-config provides a login`,
    )
    expect(upstream.requests).toMatchObject({ token: 1, listing: 2 })
  })

  test('is read anonymously when the login is refused and the repository is public', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer', credentials: LOGIN, mayPull: () => true })
    await using client = new TestClient({ credentials: password('me', 'wrong') })
    const repository = client.repository(`${upstream.host}/team/app`)
    for (const name of ['1', '2', '3']) await repository.resolveTag(tag(name), null)
    expect(authorizationsOf(upstream)).toEqual([
      'head -',
      'token Basic',
      'token -',
      'head Bearer',
      'head Bearer',
      'head Bearer',
    ])
  })

  test('that refuses the login and anonymous access is reported with its response to the login', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer', credentials: LOGIN })
    await using client = new TestClient({ credentials: password('me', 'wrong') })
    const name = `${upstream.host}/team/app`
    const refused = await refusalOf(client.repository(name).resolveTag(tag('1'), null))
    expect(refused.message).toBe(
      `${name} does not exist, or the login for ${upstream.host} has no access to it: its token server responded with 401 UNAUTHORIZED; setRegistryCredential or --docker-config provides another login`,
    )
    // the same login is not sent again: repeated bad logins get an address blocked
    await refusalOf(client.repository(name).resolveTag(tag('1'), null))
    expect(authorizationsOf(upstream).filter((line) => line === 'token Basic')).toHaveLength(1)
  })

  test('that denies the login a public repository is read anonymously from then on', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    upstream.hook = forbidding({ anybodyMay: true })
    await using client = new TestClient({ credentials: password('me', 'right') })
    const repository = client.repository(`${upstream.host}/team/app`)

    for (const name of ['1', '2']) {
      expect((await repository.resolveTag(tag(name), null)).digest).toBe(app.digest)
    }

    expect(upstream.log.map(({ headers }) => headers.authorization ?? '-')).toEqual([
      '-',
      expect.stringMatching(/^Basic /),
      'Bearer mine',
      '-',
      'Bearer anybody',
      'Bearer anybody',
    ])
  })

  test('that denies both the login and anonymous access is Forbidden, with its response to the login', async () => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    upstream.hook = forbidding({ anybodyMay: false })
    await using client = new TestClient({ credentials: password('me', 'right') })

    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))

    expect([refused.reason, refused.status]).toEqual(['Forbidden', 403])
  })

  test('may send several challenges in one header, as Codeberg does (containers/image and oras read one), or in several headers', async () => {
    const basic = 'Basic realm="x"'
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    const bearer = `Bearer realm="${upstream.url}/token",service="s"`
    for (const challenge of [`${bearer},${basic}`, [basic, bearer], ['Negotiate', `${basic}, ${bearer}`]]) {
      upstream.hook = (_, response) =>
        response.status === 401 ? { ...response, headers: { 'www-authenticate': challenge } } : undefined
      await using client = new TestClient()
      const resolved = await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
      expect(resolved.digest).toBe(app.digest)
    }
  })

  test.each([
    ['a web page', '<html>', 'its response is not JSON'],
    ['no token', '{}', 'its response contains no token'],
    ['a token that would be two headers', '{"token":"a\\r\\nX: y"}', 'its response contains no token'],
  ])('whose token server returns %s is unavailable', async (_, body, why) => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    upstream.hook = ({ kind }) => (kind === 'token' ? { status: 200, headers: {}, body } : undefined)
    await using client = new TestClient()
    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toBe(`the token server of ${upstream.host}/team/app cannot be used: ${why}`)
  })

  test.each([
    [404, 'RegistryUnavailable'],
    [503, 'RegistryUnavailable'],
    [429, 'TooManyRequests'],
  ])('whose token server responds with %d is %s', async (status, reason) => {
    await using upstream = await upstreamWith({ scheme: 'bearer' })
    upstream.hook = ({ kind }) => (kind === 'token' ? errorResponse(status, 'NO') : undefined)
    await using client = new TestClient()
    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
    expect(refused).toMatchObject({ reason, status })
    expect(refused.message).toBe(
      `the token server of ${upstream.host}/team/app returned no token: it responded with ${status} NO: no`,
    )
  })
})
