import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSubjects } from '../../../src/access/grant/subjects.ts'
import { groupsOf } from '../../../src/access/identity/users.ts'
import { EVERYTHING } from '../../../src/access/right/rights.ts'
import { SYSTEM, type Viewer } from '../../../src/access/right/viewer.ts'
import { ownPath } from '../../../src/access/sign-in/own-path.ts'
import { startScripted, startSilent } from '../../fixtures/hostile-registry.ts'
import { type OidcProvider, startOidcProvider } from '../../fixtures/oidc-provider.ts'
import { openSignIn, PUBLIC_URL } from './browser.ts'

const SESSION = 'imagestreams'

let provider: OidcProvider
let server: ReturnType<typeof openSignIn>
let claims: Record<string, unknown>

beforeAll(async () => {
  provider = await startOidcProvider()
  provider.service.on('beforeTokenSigning', ({ payload }) => void Object.assign(payload, claims))
})
afterAll(() => provider[Symbol.asyncDispose]())
beforeEach(() => {
  claims = {
    preferred_username: 'alice',
    email: 'alice@example.org',
    email_verified: true,
    groups: ['dev', 'ops'],
  }
  server = openSignIn({ provider: { issuer: new URL(provider.issuer) } })
})
afterEach(() => server[Symbol.asyncDispose]())

const peopleIn = ({ users }: typeof server) => users.page({ ...SYSTEM, rights: EVERYTHING }, { limit: 10 })
const auditOf = ({ audit }: typeof server) =>
  audit
    .page(SYSTEM, {}, { limit: 10 })
    .map(({ action, outcome, principal }) => `${action} ${outcome} ${principal}`)

/** A server admin who has signed in. */
const ADMIN: Viewer = { ...SYSTEM, id: 'user:99' }

describe('a person', () => {
  it('signs in with authorization code and PKCE, and returns to where they were', async () => {
    const browser = server.browser()
    const begun = await browser.get('/sign-in?to=/graphql%3Fquery=x')
    const url = new URL(String(begun.headers.Location))
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: 'streams',
      redirect_uri: `${PUBLIC_URL}/sign-in/callback`,
      scope: 'openid profile email',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    })
    const ended = await browser.signIn('/graphql?query=x')
    expect(ended).toMatchObject({ status: 303, headers: { Location: '/graphql?query=x' } })
    const [person] = peopleIn(server)
    expect(person).toMatchObject({
      issuer: provider.issuer,
      subject: 'johndoe',
      name: 'alice',
      email: 'alice@example.org',
    })
    expect(person && groupsOf(person)).toEqual(['dev', 'ops'])
    expect([...browser.cookies.keys()]).toEqual([SESSION])
    expect(server.credentials.form(browser.cookies.get(SESSION) ?? '')?.principal).toBe(`user:${person?.id}`)
    expect(auditOf(server)).toEqual([`signIn DONE user:${person?.id}`])
  })

  it.each([
    ['an address that the provider has not verified', { email: 'bob@example.org', email_verified: false }],
    [
      'an address of which the provider does not say so',
      { email: 'bob@example.org', email_verified: undefined },
    ],
    ['the address of another person as user name', { preferred_username: 'bob@example.org' }],
  ])('with %s is not named by it in grants', async (_, given) => {
    Object.assign(claims, given)
    await server.browser().signIn()
    const { named } = createSubjects(server.db)
    const bob = { subjectKind: 'USER', name: 'bob@example.org' } as const
    expect(() => named(ADMIN, bob)).toThrow('no person has the name "bob@example.org"')
  })

  it('has cookies that no script, other site or plain connection gets', async () => {
    await using secure = openSignIn({ provider: { issuer: new URL(provider.issuer) }, isSecure: true })
    const browser = secure.browser()
    const begun = await browser.get('/sign-in')
    const ended = await browser.signIn()
    for (const cookie of [begun, ended].flatMap(({ headers }) => headers['Set-Cookie'] ?? [])) {
      expect(cookie).toMatch(
        /^__Host-imagestreams(-sign-in)?=\S*; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      )
    }
    const [plain] = [(await server.browser().get('/sign-in')).headers['Set-Cookie']].flat()
    expect(plain).toMatch(/^imagestreams-sign-in=\S+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/)
  })

  it('keeps their number when the provider reports another name or other groups', async () => {
    await server.browser().signIn()
    claims = { preferred_username: 'alice2', groups: ['ops'] }
    await server.browser().signIn()
    const people = peopleIn(server)
    expect(people.map((person) => [person.name, ...groupsOf(person)])).toEqual([['alice2', 'ops']])
  })

  it('has the groups of the userinfo endpoint when the ID token has none', async () => {
    claims = {}
    const more = ({ body }: { body: unknown }) =>
      void Object.assign(body as object, { realm: { roles: ['dev'] } })
    provider.service.once('beforeUserinfo', more)
    await using nested = openSignIn({
      provider: { issuer: new URL(provider.issuer), groupsClaim: '/realm/roles' },
    })
    await nested.browser().signIn()
    expect(peopleIn(nested).map(groupsOf)).toEqual([['dev']])
  })

  it('is refused once a server admin has suspended them', async () => {
    await server.browser().signIn()
    const [person] = peopleIn(server)
    server.users.suspend(ADMIN, person?.id ?? 0)
    const refused = await server.browser().signIn()
    expect(refused.status).toBe(403)
    expect(refused.body).toContain('a server admin has suspended this person')
  })
})

describe('a callback', () => {
  const refused = async (change: (url: URL) => void): Promise<string> => {
    const browser = server.browser()
    const url = new URL(await browser.callbackUrl())
    change(url)
    const { status, body } = await browser.get(url.href)
    expect(browser.cookies.has(SESSION)).toBe(false)
    expect(auditOf(server)).toEqual(['signIn FAILED anonymous'])
    return `${status} ${/<p>(.*?)<\/p>/.exec(body)?.[1]}`
  }

  it.each<[string, Record<string, unknown>]>([
    ['nonce', { nonce: 'other' }],
    ['audience', { aud: 'other' }],
    ['issuer', { iss: 'http://other' }],
    ['expiry', { exp: 1 }],
    ['subject', { sub: '' }],
  ])('with a wrong %s in the ID token is refused', async (_, changes) => {
    claims = changes
    expect(await refused(() => {})).toMatch(/^400 the (response of the )?sign-in provider/)
  })

  it('with a wrong state is refused', async () => {
    expect(await refused((url) => url.searchParams.set('state', 'x'))).toContain(
      '400 this sign-in took too long',
    )
  })

  it('with a wrong code is refused', async () => {
    expect(await refused((url) => url.searchParams.set('code', 'x'))).toContain(
      '403 the sign-in provider does not accept',
    )
  })

  it('with a refusal of the provider shows its reason, as text', async () => {
    const shown = await refused((url) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', 'access_denied')
      url.searchParams.set('error_description', '<script>alert(1)</script>')
    })
    expect(shown).toBe(
      '403 the sign-in provider refused: &quot;access_denied&quot;, &quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;',
    )
  })

  it('that is repeated is refused', async () => {
    const browser = server.browser()
    const url = await browser.callbackUrl()
    const state = new Map(browser.cookies)
    expect((await browser.get(url)).status).toBe(303)
    expect((await browser.get(url)).status).toBe(400)
    // also with the cookie that it had
    for (const [name, value] of state) browser.cookies.set(name, value)
    expect((await browser.get(url)).status).toBe(403)
  })

  it('in another browser, or too late, is refused', async () => {
    const browser = server.browser()
    const url = await browser.callbackUrl()
    expect((await server.browser().get(url)).status).toBe(400)
    server.later(600_001)
    expect((await browser.get(url)).status).toBe(400)
  })

  it('with a signature of a key that the provider has not published is refused', async () => {
    await server.browser().signIn()
    // the keys that the server knows do not have the new one
    await provider.rotateKeys()
    expect((await server.browser().signIn()).status).toBe(400)
    await using again = openSignIn({ provider: { issuer: new URL(provider.issuer) } })
    expect((await again.browser().signIn()).status).toBe(303)
  })
})

describe('a provider', () => {
  it('that is down affects neither the server nor those who are signed in, and is requested again', async () => {
    await provider.stop()
    const down = await server.browser().get('/sign-in')
    expect(down.status).toBe(503)
    expect(down.body).toContain('the sign-in provider is unavailable: the connection was refused')
    await provider.start()
    const browser = server.browser()
    await browser.signIn()
    const url = await browser.callbackUrl()
    await provider.stop()
    expect((await browser.get(url)).status).toBe(503)
    expect(server.credentials.form(browser.cookies.get(SESSION) ?? '')).toBeDefined()
    await provider.start()
  })

  it('that does not respond is given up', async () => {
    await using silent = await startSilent()
    await using slow = openSignIn({
      provider: { issuer: new URL(`http://${silent.host}`) },
      egress: { timeouts: { headers: 50, body: 50 } },
    })
    const { status, body } = await slow.browser().get('/sign-in')
    expect(status).toBe(503)
    expect(body).toContain('no response arrived in time')
  })

  it.each([
    ['is huge', `{"issuer":"${'x'.repeat(300_000)}"}`],
    ['is no JSON', '<html>secret</html>'],
    ['is of another issuer', '{"issuer":"http://other"}'],
  ])('whose discovery document %s is unavailable', async (_, document) => {
    await using scripted = await startScripted((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(document)
    })
    await using broken = openSignIn({ provider: { issuer: new URL(scripted.url) } })
    const { status, body } = await broken.browser().get('/sign-in')
    expect(status).toBe(503)
    expect(body).not.toContain('secret')
  })

  it('is told the secret of this server only by the method that it supports', async () => {
    await using secret = openSignIn({
      provider: { issuer: new URL(provider.issuer), clientSecret: 'hush-hush' },
    })
    const browser = secret.browser()
    const url = await browser.callbackUrl()
    let sent = ''
    provider.service.once('beforeResponse', (_, request) => {
      sent = JSON.stringify([request.headers.authorization, request.body])
    })
    expect((await browser.get(url)).status).toBe(303)
    expect(sent).toContain('hush-hush')
    expect(url).not.toContain('hush-hush')
  })

  it('that is not configured leaves a page that says how to sign in', async () => {
    await using none = openSignIn()
    const { status, body } = await none.browser().get('/sign-in')
    expect(status).toBe(404)
    expect(body).toContain('link that the server prints')
  })
})

describe('the address after a sign-in', () => {
  it.each([
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/.//evil.example',
    '/%2e//evil.example',
    'https://evil.example/',
    'javascript:alert(1)',
    'evil',
    '',
    `/${'x'.repeat(2000)}`,
  ])('is never %s', (to) => {
    expect(ownPath(to)).toBe('/')
  })

  it('is a path of this server, for 10,000 texts', () => {
    const character = fc.constantFrom('/', '\\', '.', '%2e', '\t', '\n', ':', '@', 'a', '?', '#', 'http')
    fc.assert(
      fc.property(fc.array(character, { maxLength: 8 }), (parts) => {
        const path = ownPath(`/${parts.join('')}`)
        expect(new URL(path, PUBLIC_URL).origin).toBe(PUBLIC_URL)
        expect(path).toMatch(/^\/(?![/\\])/)
      }),
      { numRuns: 10_000 },
    )
  })

  it('begins at the origin to which the provider returns', async () => {
    const { headers } = await server.browser().get('/sign-in?to=/x', { host: '127.0.0.1:4000' })
    expect(headers.Location).toBe(`${PUBLIC_URL}/sign-in?to=%2Fx`)
  })

  it('begins behind a proxy of this machine that passes on another Host', async () => {
    await using own = openSignIn({
      provider: { issuer: new URL(provider.issuer) },
      publicUrl: 'https://localhost:8443',
    })
    for (const host of ['localhost', '127.0.0.1:4000']) {
      const { headers } = await own.browser().get('/sign-in?to=/x', { host })
      expect(String(headers.Location)).toContain(`${provider.issuer}/`)
    }
  })
})
