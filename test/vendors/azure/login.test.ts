import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/concurrency/clock.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import type { Secret } from '../../../src/logins/registry-login.ts'
import { Authorizer } from '../../../src/remote/login/authorizer.ts'
import { CloudLogins } from '../../../src/remote/login/cloud-logins.ts'
import { HostHints } from '../../../src/remote/login/host-hints.ts'
import type { Grant, TokenRequest } from '../../../src/remote/login/token-server.ts'
import { HostClient } from '../../../src/remote/traffic/host-client.ts'
import { DEFAULT_LIMITS } from '../../../src/remote/traffic/limits.ts'
import { cloudExchanges } from '../../../src/vendors/cloud-exchanges.ts'
import { startCloud } from '../../fixtures/cloud.ts'
import { azure } from '../../fixtures/cloud-azure.ts'
import { refusalOf } from '../../fixtures/registry-client.ts'
import type { UpstreamAuthOptions } from '../../fixtures/upstream-auth.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { app, HOUR, MINUTE, START, start } from '../../remote/login/cloud.ts'

describe('Azure', () => {
  const setupOf = (options: Parameters<typeof azure>[0] = {}) => {
    const acr = azure(options)
    const loginServer = options.loginServer ?? 'team.azurecr.io'
    const secret: Secret = { kind: 'azure', ...acr.application, loginServer }
    const auth: UpstreamAuthOptions = {
      scheme: 'bearer',
      credentials: { username: 'bob', password: 'by password' },
      get identityToken() {
        return acr.refreshToken
      },
    }
    return { acr, setup: { endpoint: acr.endpoint, secret, auth } }
  }

  test.each([
    ['team.azurecr.io', 'login.microsoftonline.com'],
    ['team.azurecr.cn', 'login.partner.microsoftonline.cn'],
    ['team.azurecr.us', 'login.microsoftonline.us'],
  ])('issues an Entra token, which the registry exchanges: %s', async (loginServer, entra) => {
    const { setup, acr } = setupOf({ loginServer })
    await using it = await start(setup)

    expect(await it.resolve()).toEqual({ digest: app.digest })

    expect(it.cloud.log.map(({ host, path }) => `${host}${path}`)).toEqual([
      `${entra}/${acr.application.tenantId}/oauth2/v2.0/token`,
      `${loginServer}/oauth2/exchange`,
    ])
    const post = it.upstream.log.find(({ kind, method }) => kind === 'token' && method === 'POST')
    expect(post?.status).toBe(200)
  })

  test('uses the all-zero GUID as username if a token server does not support OAuth2', async () => {
    const { setup, acr } = setupOf()
    const credentials = {
      username: '00000000-0000-0000-0000-000000000000',
      get password() {
        return acr.refreshToken
      },
    }
    await using it = await start({ ...setup, auth: { scheme: 'bearer', credentials } })
    expect(await it.resolve()).toEqual({ digest: app.digest })
  })

  test.each([
    ['says when it ends', () => (START + HOUR) / 1000, 31 * MINUTE],
    ['says nothing: 3 h', undefined, 91 * MINUTE],
  ])(
    'issues a refresh token that is renewed at half of its lifetime, which it %s',
    async (_says, endOf, later) => {
      const { setup, acr } = setupOf(endOf ? { endOf } : {})
      await using it = await start(setup)
      await it.resolve()
      it.clock.time += later - 2 * MINUTE
      await it.resolve('team/other')
      expect(acr.given).toBe(1)
      it.clock.time += 2 * MINUTE
      await it.resolve('team/other')
      expect(acr.given).toBe(2)
    },
  )

  test('is requested for another refresh token when the token server refuses an old one', async () => {
    const { setup, acr } = setupOf()
    let refused = ''
    const auth: UpstreamAuthOptions = {
      scheme: 'bearer',
      credentials: { username: 'bob', password: 'by password' },
      get identityToken() {
        return acr.refreshToken === refused ? 'none' : acr.refreshToken
      },
    }
    await using it = await start({ ...setup, auth })
    await it.resolve()
    refused = acr.refreshToken
    it.clock.time += 6 * MINUTE
    expect(await refusalOf(it.resolve('team/other'))).toMatchObject({ reason: 'Unauthorized' })

    // as soon as another request to the token server is allowed
    it.clock.time += MINUTE + 1
    expect(await it.resolve('team/other')).toEqual({ digest: app.digest })
    expect(acr.given).toBe(2)
  })

  test('names the step that refused: Entra', async () => {
    const { setup } = setupOf()
    const secret = { ...setup.secret, clientSecret: 'canary-wrong/secret' } as Secret
    await using it = await start({ ...setup, secret })

    const error = await refusalOf(it.resolve())

    expect(error).toMatchObject({ reason: 'Unauthorized', status: 401 })
    expect(error.message).toMatch(
      /: Microsoft Entra refused the secret of the application: \S+ responded with 401 invalid_client: AADSTS7000215: Invalid client secret provided: \*\*\*\.; setRegistryCredential changes the key$/,
    )
  })

  test('names the step that refused: the registry’s exchange', async () => {
    const { setup } = setupOf()
    await using it = await start({
      ...setup,
      secret: { ...setup.secret, loginServer: 'another.azurecr.io' } as Secret,
    })
    it.cloud.hook = ({ host, body }) => {
      if (host !== 'another.azurecr.io') return undefined
      return json(403, { errors: [{ code: 'DENIED', message: `not you: ${body}` }] })
    }

    const error = await refusalOf(it.resolve())

    expect(error).toMatchObject({ reason: 'Forbidden', status: 403 })
    expect(error.message).toContain(
      'another.azurecr.io refused the application, which Microsoft Entra accepted: ',
    )
  })
})

describe('an Azure registry behind another host name', () => {
  /** Returns the secret that a token server receives for a registry, when a session logs in. */
  async function receivedBy(realm: string, loginServer: string | null): Promise<unknown> {
    const acr = azure()
    await using cloud = await startCloud(acr.endpoint)
    await using egress = createEgress({ loopback: true })
    const clock = { ...systemClock, now: () => START }
    const client = new HostClient({ egress, clock, random: () => 0.5, limits: DEFAULT_LIMITS })
    const received: unknown[] = []
    const tokens = {
      get: async ({ login }: TokenRequest): Promise<Grant> => {
        received.push(login?.secret ?? null)
        return { token: { value: 'good', issued: START, expires: START + HOUR } }
      },
    }
    const hints = new HostHints('registry.example', tokens)
    const requirement = { scheme: 'bearer', realm: new URL(realm), service: 's', scopes: [] } as const
    hints.requirements.learn('team/app', requirement)
    const authorizer = new Authorizer({
      registry: 'registry.example',
      repository: 'team/app',
      hints,
      trustedRealms: {},
      logins: new CloudLogins({ exchanges: cloudExchanges, client, clock, endpointOf: cloud.endpoint }),
      context: { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal },
    })
    const secret: Secret = { kind: 'azure', ...acr.application, loginServer }
    await authorizer.authorize({ id: 'me', secret })
    return received[0]
  }

  test('logs in at the login server of the credential', async () => {
    expect(await receivedBy('https://team.azurecr.io/oauth2/token', 'team.azurecr.io')).toMatchObject({
      kind: 'identity',
    })
  })

  test.each([
    'https://other.azurecr.io/oauth2/token',
    'https://evil.example/',
    'http://team.azurecr.io/oauth2/token',
  ])('sends nothing to other hosts: %s', async (realm) => {
    const received = await receivedBy(realm, 'team.azurecr.io').catch((error: Error) => error.name)
    expect([null, 'TokenServerError']).toContain(received)
  })
})
