import { describe, expect, test } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { type Scripted, startScripted } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { allTags, always, password, refusalOf, TestClient, tag } from '../fixtures/registry-client.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const app = image({ seed: 'app' })
const config = { ...app.config, size: app.config.bytes.length, annotations: {} }

/** Starts another host that requests credentials and accepts any. */
const startAttacker = (): Promise<Scripted> =>
  startScripted((request, response) => {
    if (request.headers.authorization) response.end(JSON.stringify({ token: 'stolen' }))
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="please"' }).end()
  })

async function startBasic() {
  const upstream = await startUpstream({ auth: { scheme: 'basic', credentials: LOGIN } })
  upstream.push('team/app', '1', app)
  return upstream
}

/** The messages for a forbidden URL and for a forbidden address. */
const NOT_THERE = [
  'this server may not connect there',
  'this server may not connect there; --private-networks permits addresses of private networks, and a server without --open-to-everybody those of its own machine',
]

const client = (options = {}) =>
  new TestClient({ credentials: password(LOGIN.username, LOGIN.password), ...options })

describe('credentials are sent only to their registry', () => {
  test.each([301, 302, 303, 307, 308])(
    'and not to the target of a redirect with %d, whatever it requests: a cross-host redirect drops Authorization',
    async (status) => {
      await using attacker = await startAttacker()
      await using upstream = await startBasic()
      upstream.hook = ({ kind }, response) =>
        kind !== 'head' && response.status === 200
          ? { status, headers: { location: `${attacker.url}/steal`, 'set-cookie': 'a=b' }, body: '' }
          : undefined
      await using it = client()
      const repository = it.repository(`${upstream.host}/team/app`)
      for (const request of [
        repository.fetchConfig(config),
        repository.fetchManifest(app.digest),
        allTags(repository),
      ]) {
        const refused = await refusalOf(request)
        expect(refused.reason).toBe('RegistryUnavailable')
        expect(refused.message).toContain('it responded with 401')
      }
      expect(attacker.requests).toHaveLength(3)
      expect(attacker.authorizations()).toEqual([])
      const sent = new Set(attacker.requests.flatMap(({ headers }) => Object.keys(headers)))
      expect([...sent].sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
    },
  )

  test("and not to another registry that it redirects to: requests there are anonymous, without the original's credentials", async () => {
    await using other = await startUpstream({
      auth: { scheme: 'bearer', mayPull: () => true, credentials: LOGIN },
    })
    other.push('mirror/app', '1', app)
    await using upstream = await startBasic()
    upstream.hook = ({ path, headers }) =>
      headers.authorization
        ? { status: 307, headers: { location: other.url + path.replace('team', 'mirror') }, body: '' }
        : undefined
    await using it = client()
    const repository = it.repository(`${upstream.host}/team/app`)
    expect(await repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
    expect(other.log.map(({ kind, headers }) => `${kind} ${headers.authorization ?? '-'}`)).toEqual([
      'head -',
      'token -',
      'head Bearer token-1',
    ])
  })

  test('and not after a redirect that returns from another host', async () => {
    await using upstream = await startBasic()
    const home: (string | undefined)[] = []
    await using middle = await startScripted((_, response) => {
      response.writeHead(302, { location: `${upstream.url}/v2/team/app/blobs/home` }).end()
    })
    upstream.hook = ({ url, headers }, response) => {
      if (url.endsWith('/home')) home.push(headers.authorization)
      return response.status === 200
        ? { status: 302, headers: { location: middle.url }, body: '' }
        : undefined
    }
    await using it = client()
    await refusalOf(it.repository(`${upstream.host}/team/app`).fetchConfig(config))
    expect(home).toEqual([undefined])
  })

  test('and also after a redirect within the origin', async () => {
    await using upstream = await startBasic()
    upstream.pushBlob('elsewhere', app.config)
    upstream.hook = ({ repository }, response) =>
      response.status === 200 && repository === 'team/app'
        ? { status: 307, headers: { location: `/v2/elsewhere/blobs/${config.digest}` }, body: '' }
        : undefined
    await using it = client()
    const bytes = await it.repository(`${upstream.host}/team/app`).fetchConfig(config)
    expect(Buffer.from(bytes).equals(app.config.bytes)).toBe(true)
  })

  test.each([
    ['a password', password(LOGIN.username, LOGIN.password)],
    ['an identity token', always({ kind: 'identity', username: 'me', token: 'open sesame' })],
  ])('and not to another token server: %s', async (_, credentials) => {
    await using attacker = await startScripted((_, response) =>
      response.end(JSON.stringify({ token: 'anonymous' })),
    )
    await using upstream = await startUpstream({
      auth: { scheme: 'bearer', credentials: LOGIN, realm: `${attacker.url}/token` },
    })
    upstream.push('team/app', '1', app)
    await using it = client({ credentials })
    const refused = await refusalOf(it.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
    expect(refused.reason).toBe('Unauthorized')
    expect(refused.message).toContain(`the login for ${upstream.host} is not sent to ${attacker.host}`)
    expect(attacker.authorizations()).toEqual([])
    expect(attacker.requests.map(({ method }) => method)).toEqual(['GET'])
  })

  test('unless the operator trusts that token server', async () => {
    await using tokens = await startScripted((_, response) => response.end(JSON.stringify({ token: 'mine' })))
    await using upstream = await startUpstream({
      auth: { scheme: 'bearer', credentials: LOGIN, realm: `${tokens.url}/token` },
    })
    upstream.push('team/app', '1', app)
    await using it = client({ trustedRealms: { [upstream.host]: [tokens.host] } })
    await refusalOf(it.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
    expect(tokens.authorizations()[0]).toMatch(/^Basic /)
  })

  test('and not to another host in its Link', async () => {
    await using attacker = await startAttacker()
    await using upstream = await startBasic()
    let listed = 0
    upstream.hook = ({ kind }, response) =>
      kind === 'listing' && response.status === 200 && listed++ === 0
        ? { ...response, headers: { link: `<${attacker.url}/v2/team/app/tags/list?last=1>; rel="next"` } }
        : undefined
    await using it = client()
    await allTags(it.repository(`${upstream.host}/team/app`))
    expect(attacker.requests).toEqual([])
  })

  test('and a token for one repository is not sent for another', async () => {
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: LOGIN } })
    for (const name of ['team/a', 'team/b']) upstream.push(name, '1', app)
    await using it = client()
    for (const name of ['team/a', 'team/b']) {
      await it.repository(`${upstream.host}/${name}`).resolveTag(tag('1'), null)
    }
    const received = upstream.log
      .filter(({ kind }) => kind === 'head')
      .map(({ headers }) => headers.authorization)
    expect(received).toEqual([undefined, 'Bearer token-1', 'Bearer token-2'])
  })
})

describe('a registry cannot make this server connect to a forbidden address (ggcr #2258: validateRealmURL, checkRedirectSSRF)', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://10.0.0.1/',
    'http://[::ffff:10.0.0.1]/',
    'http://metadata.test/',
    'http://u:p@127.0.0.1/',
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'http://127.0.0.1:22/',
  ])('by redirecting to %s', async (location) => {
    await using upstream = await startUpstream()
    upstream.hook = () => ({ status: 302, headers: { location }, body: '' })
    await using it = client({ egress: { resolve: async () => [{ address: '10.0.0.1', family: 4 }] } })
    const refused = await refusalOf(it.repository(`${upstream.host}/team/app`).fetchManifest(app.digest))
    expect(refused.reason).toBe('ForbiddenTarget')
    expect(
      NOT_THERE.map((why) => `the redirect target of ${upstream.host}/team/app cannot be used: ${why}`),
    ).toContain(refused.message)
  })

  test.each(['http://169.254.169.254/', 'http://10.0.0.1/token', 'https://[fd00:ec2::254]/'])(
    'by naming %s as its token server',
    async (realm) => {
      await using upstream = await startUpstream({ auth: { scheme: 'bearer', realm } })
      await using it = client()
      const refused = await refusalOf(allTags(it.repository(`${upstream.host}/team/app`)))
      expect(refused.reason).toBe('ForbiddenTarget')
      expect(
        NOT_THERE.map((why) => `the token server of ${upstream.host}/team/app cannot be used: ${why}`),
      ).toContain(refused.message)
    },
  )

  test('by redirecting from https to http, or by a token server without TLS', async () => {
    const authority = await createAuthority()
    await using plain = await startAttacker()
    let challenge = false
    await using registry = await startScripted(
      (_, response) =>
        challenge
          ? response.writeHead(401, { 'www-authenticate': `Bearer realm="${plain.url}/token"` }).end()
          : response.writeHead(302, { location: plain.url }).end(),
      { tls: await authority.issue(['127.0.0.1']) },
    )
    await using it = client({ egress: { ca: [authority.ca] } })
    const repository = it.repository(`${registry.host}/team/app`)
    expect((await refusalOf(repository.fetchManifest(app.digest))).reason).toBe('ForbiddenTarget')
    challenge = true
    expect((await refusalOf(repository.fetchManifest(app.digest))).reason).toBe('ForbiddenTarget')
    expect(plain.requests).toEqual([])
  })

  test('by redirecting endlessly', async () => {
    await using upstream = await startUpstream()
    upstream.hook = ({ url }) => ({ status: 302, headers: { location: `${url}x` }, body: '' })
    await using it = client()
    const refused = await refusalOf(it.repository(`${upstream.host}/team/app`).fetchManifest(app.digest))
    expect(refused.message).toContain('there are more than 5 redirects')
    expect(upstream.log).toHaveLength(6)
  })

  test.each([
    '10.0.0.1/app',
    '169.254.169.254/app',
    '[fd00:ec2::254]/app',
    '[::ffff:127.0.0.1]:5000/app',
    'localhost:6379/app',
    '127.0.0.1:5000/app',
    'internal.test/app',
  ])('by its own name, %s', async (name) => {
    await using it = client({
      egress: { loopback: false, resolve: async () => [{ address: '192.168.0.1', family: 4 }] },
    })
    const refused = await refusalOf(allTags(it.repository(name, { insecure: true })))
    expect(refused.reason).toBe('ForbiddenTarget')
    expect(NOT_THERE.map((why) => `the request to ${name} failed: ${why}`)).toContain(refused.message)
  })
})
