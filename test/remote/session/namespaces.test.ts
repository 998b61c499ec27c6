import { describe, expect, test } from 'vitest'
import type { Secret } from '../../../src/logins/registry-login.ts'
import type { Credentials } from '../../../src/remote/login/credentials.ts'
import { image } from '../../fixtures/random-image.ts'
import { allTags, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'

const LOGIN = { username: 'me', password: 'open sesame' }
const app = image({ seed: 'app' })

/** One login, for one namespace alone. */
const only = (namespace: string, secret: Secret = { kind: 'password', ...LOGIN }): Credentials => ({
  find: async (_registry, _repository, asker) => (asker === namespace ? { id: namespace, secret } : null),
  cacheScope: (_registry, asker) => (asker === namespace ? asker : ''),
})

async function start(scheme: 'basic' | 'bearer') {
  const mayPull = (username: string | null) => username === LOGIN.username
  const upstream = await startUpstream({ auth: { scheme, credentials: LOGIN, mayPull } })
  for (const name of ['1', '2']) upstream.push('team/app', name, app)
  return upstream
}

describe('a namespace', () => {
  test.each(['basic', 'bearer'] as const)(
    'reads with its own credentials, and no other one does: %s',
    async (scheme) => {
      await using upstream = await start(scheme)
      await using client = new TestClient({ credentials: only('rich') })
      const repository = (namespace: string | null) =>
        client.repository(`${upstream.host}/team/app`, { namespace }).resolveTag(tag('1'), null)

      await refusalOf(repository('poor'))
      expect(await repository('rich')).toEqual({ digest: app.digest })
      for (const namespace of ['poor', null]) {
        expect(await refusalOf(repository(namespace))).toMatchObject({ reason: 'Unauthorized' })
      }
      expect(await repository('rich')).toEqual({ digest: app.digest })
    },
  )

  test('with credentials of its own has hints of its own', async () => {
    await using upstream = await start('bearer')
    await using client = new TestClient({ credentials: only('rich') })
    const resolve = (namespace: string) =>
      client.repository(`${upstream.host}/team/app`, { namespace }).resolveTag(tag('1'), null)
    const unsigned = () =>
      upstream.log.filter(({ kind, headers }) => kind === 'head' && headers.authorization === undefined)
        .length

    await resolve('rich')
    expect(unsigned()).toBe(1)
    await resolve('rich')
    expect(unsigned()).toBe(1)
    await refusalOf(resolve('poor'))
    expect(unsigned()).toBe(2)
    await refusalOf(resolve('poorer'))
    expect(unsigned()).toBe(2)
  })

  test("waits for another one's pause, without seeing its response", async () => {
    await using upstream = await start('basic')
    await using client = new TestClient({ credentials: only('rich') })
    const resolve = (namespace: string) =>
      refusalOf(allTags(client.repository(`${upstream.host}/team/app`, { namespace })))
    upstream.hook = () => errorResponse(429, 'ACCOUNT_RICH_IS_OVER', { 'retry-after': '3600' })

    expect((await resolve('rich')).message).toContain('account rich is over')
    const before = upstream.log.length
    const refused = await resolve('poor')

    expect(refused).toMatchObject({ reason: 'TooManyRequests', status: 429 })
    expect(refused.message).not.toContain('account')
    expect(upstream.log).toHaveLength(before)
  })
})
