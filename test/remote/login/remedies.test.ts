import { describe, expect, test } from 'vitest'
import { REMEDIES } from '../../../src/remote/login/remedies.ts'
import { createAuthority, type PrivateAuthority } from '../../fixtures/certificates.ts'
import { startScripted } from '../../fixtures/hostile-registry.ts'
import { allTags, password, refusalOf, TestClient } from '../../fixtures/registry-client.ts'

const LOGIN = password('me', 'open sesame')

/** Returns the message with which a registry is not read. */
async function refusal(
  name: string,
  options: ConstructorParameters<typeof TestClient>[0] = {},
): Promise<string> {
  await using client = new TestClient(options)
  return (await refusalOf(allTags(client.repository(`${name}/team/app`)))).message
}

/** Returns the message with which a registry with these responses is not read. */
async function refusalBy(
  status: number,
  headers: Record<string, string>,
  options: { readonly authority?: PrivateAuthority; readonly signedIn?: boolean } = {},
): Promise<string> {
  const { authority, signedIn = false } = options
  const tls = authority && { tls: await authority.issue(['127.0.0.1']) }
  await using registry = await startScripted((_, response) => response.writeHead(status, headers).end(), tls)
  return await refusal(registry.host, {
    ...(authority && { egress: { ca: [authority.ca] } }),
    ...(signedIn && { credentials: LOGIN }),
  })
}

const BASIC = { 'www-authenticate': 'Basic realm="r"' }

/** Refusals that a setting or a field removes, and what the message names. */
const REFUSALS: readonly [string, keyof typeof REMEDIES, () => Promise<string>][] = [
  ['an address of a private network', 'address', () => refusal('10.0.0.1')],
  ['a redirect to one', 'address', () => refusalBy(302, { location: 'http://10.0.0.1/' })],
  [
    'a token server at one',
    'address',
    () => refusalBy(401, { 'www-authenticate': 'Bearer realm="http://10.0.0.1/token"' }),
  ],
  [
    'a registry without TLS',
    'plain',
    async () => {
      await using registry = await startScripted((_, response) => response.end())
      return await refusal(registry.host.replace('127.0.0.1', 'registry.test'), {
        egress: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
      })
    },
  ],
  [
    'a redirect to plain HTTP',
    'plain',
    async () => refusalBy(302, { location: 'http://example.org/' }, { authority: await createAuthority() }),
  ],
  [
    'a token server without TLS',
    'plain',
    async () =>
      refusalBy(
        401,
        { 'www-authenticate': 'Bearer realm="http://example.org/token"' },
        { authority: await createAuthority() },
      ),
  ],
  [
    'a certificate of an unknown authority',
    'authority',
    async () => {
      const tls = await (await createAuthority()).issue(['127.0.0.1'])
      await using registry = await startScripted((_, response) => response.end(), { tls })
      return await refusal(registry.host)
    },
  ],
  [
    'an expired certificate',
    'certificate',
    async () => {
      const authority = await createAuthority()
      const tls = await authority.issue(['127.0.0.1'], { expired: true })
      await using registry = await startScripted((_, response) => response.end(), { tls })
      return await refusal(registry.host, { egress: { ca: [authority.ca] } })
    },
  ],
  ['a 401 to an anonymous client', 'login', () => refusalBy(401, BASIC)],
  ['a 401 to a login', 'otherLogin', () => refusalBy(401, BASIC, { signedIn: true })],
  ['a 403 to an anonymous client', 'login', () => refusalBy(403, {})],
  ['a 429 to an anonymous client', 'limit', () => refusalBy(429, { 'retry-after': '600' })],
]

describe('the message of a refusal that a setting or a field removes names it', () => {
  test.each(REFUSALS)('%s', async (_, remedy, refused) => {
    expect(await refused()).toMatch(new RegExp(`; ${REMEDIES[remedy]}$`))
  })

  test.each([
    ['a port that is never allowed', () => refusal('127.0.0.1:22')],
    ['a 500', () => refusalBy(500, {})],
    ['a 404', () => refusalBy(404, {})],
  ])('and names nothing where nothing removes it: %s', async (_, refused) => {
    const message = await refused()
    for (const remedy of Object.values(REMEDIES)) expect(message).not.toContain(remedy)
  })
})
