import { describe, expect, test } from 'vitest'
import type { Secret } from '../../../src/logins/registry-login.ts'
import { google } from '../../fixtures/cloud-google.ts'
import { always, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { serviceAccount } from '../../fixtures/service-account-key.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { app, hostsOf, MINUTE, START, start } from '../../remote/login/cloud.ts'

describe('Google', () => {
  const setupOf = (account = serviceAccount()) => {
    const gcp = google({ now: () => START, account })
    const secret: Secret = { kind: 'google', serviceAccountKey: account.key }
    return {
      gcp,
      setup: { endpoint: gcp.endpoint, secret, auth: { scheme: 'bearer', credentials: gcp.login } as const },
    }
  }

  test('receives an assertion signed by the service account, and the registry the username oauth2accesstoken', async () => {
    const { setup, gcp } = setupOf()
    await using it = await start(setup)

    expect(await it.resolve()).toEqual({ digest: app.digest })

    expect(hostsOf(it.cloud)).toEqual(['oauth2.googleapis.com'])
    expect(gcp.scopes).toEqual([
      'https://www.googleapis.com/auth/cloud-platform.read-only',
      'https://www.googleapis.com/auth/devstorage.read_only',
    ])
    const { authorization = '' } = it.upstream.log.find(({ kind }) => kind === 'token')?.headers ?? {}
    expect(Buffer.from(authorization.slice(6), 'base64').toString()).toBe(
      `oauth2accesstoken:${gcp.login.password}`,
    )
  })

  test('is requested at its fixed URL, not at that of the key', async () => {
    const { setup } = setupOf(serviceAccount({ token_uri: 'https://accounts.google.com/o/oauth2/token' }))
    await using it = await start(setup)
    await it.resolve()
    expect(hostsOf(it.cloud)).toEqual(['oauth2.googleapis.com'])
  })

  test('is requested again after half an hour', async () => {
    const gcp = google({ now: () => it.clock.now() })
    const secret: Secret = { kind: 'google', serviceAccountKey: gcp.account.key }
    await using it = await start({
      endpoint: gcp.endpoint,
      secret,
      auth: { scheme: 'basic', credentials: gcp.login },
    })
    await it.resolve()
    it.clock.time += 29 * MINUTE
    await it.resolve()
    expect(gcp.given).toBe(1)
    it.clock.time += 2 * MINUTE
    await it.resolve()
    expect(gcp.given).toBe(2)
  })

  test('that does not know the key is named in the error', async () => {
    const { setup } = setupOf()
    const secret: Secret = { kind: 'google', serviceAccountKey: serviceAccount().key }
    await using it = await start({ ...setup, secret })
    const error = await refusalOf(it.resolve())
    expect(error).toMatchObject({ reason: 'Unauthorized', status: 400 })
    expect(error.message).toMatch(
      /Google refused the key of the service account: \S+ responded with 400 invalid_grant: Invalid JWT Signature: \*\*\*; setRegistryCredential changes the key$/,
    )
  })

  test('is not requested with a key other than RSA', async () => {
    const { setup } = setupOf()
    const private_key = '-----BEGIN PRIVATE KEY-----\ncanaryCANARY\n-----END PRIVATE KEY-----\n'
    const secret: Secret = { kind: 'google', serviceAccountKey: serviceAccount({ private_key }).key }
    await using it = await start({ ...setup, secret })
    const error = await refusalOf(it.resolve())
    expect(error.message).toMatch(/its private_key is not an RSA key$/)
    expect(it.cloud.log).toEqual([])
  })

  test('also accepts a key as the password of _json_key, and an access token as that of oauth2accesstoken', async () => {
    for (const [username, password] of [
      ['_json_key', serviceAccount().key],
      ['oauth2accesstoken', 'ya29.given'],
    ] as const) {
      const login = { username, password }
      await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials: login } })
      upstream.push('team/app', '1', app)
      await using client = new TestClient({ credentials: always({ kind: 'password', ...login }) })
      const repository = client.repository(`${upstream.host}/team/app`)
      expect(await repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
    }
  })
})
