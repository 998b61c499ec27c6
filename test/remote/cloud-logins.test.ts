import { describe, expect, test } from 'vitest'
import { createEgress } from '../../src/egress/egress.ts'
import type { Secret } from '../../src/oci/registry-login.ts'
import { Authorizer } from '../../src/remote/authorizer.ts'
import { systemClock } from '../../src/remote/clock.ts'
import { CloudLogins } from '../../src/remote/cloud-logins.ts'
import type { Credentials } from '../../src/remote/credentials.ts'
import { Dialer } from '../../src/remote/dialer.ts'
import { DEFAULT_LIMITS } from '../../src/remote/limits.ts'
import { RegistryHost } from '../../src/remote/registry-host.ts'
import { NO_RULES } from '../../src/remote/registry-rules.ts'
import type { Grant, TokenRequest, Tokens } from '../../src/remote/token.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { type Cloud, type CloudDoor, startCloud } from '../fixtures/cloud.ts'
import { amazon } from '../fixtures/cloud-amazon.ts'
import { azure } from '../fixtures/cloud-azure.ts'
import { google } from '../fixtures/cloud-google.ts'
import { image } from '../fixtures/random-image.ts'
import { always, refusalOf, TestClient, type TestClientOptions, tag } from '../fixtures/registry-client.ts'
import { serviceAccount } from '../fixtures/service-account-key.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorAnswer, json } from '../fixtures/upstream-answer.ts'
import type { UpstreamAuthOptions } from '../fixtures/upstream-auth.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const app = image({ seed: 'app' })

interface Setup {
  readonly door: CloudDoor
  readonly secret: Secret
  readonly auth: UpstreamAuthOptions
}

/** A cloud, one of its registries with `team/app`, and a client with its key. */
async function start({ door, secret, auth }: Setup, options: TestClientOptions = {}) {
  const cloud = await startCloud(door)
  const upstream = await startUpstream({ auth })
  for (const repository of ['team/app', 'team/other']) upstream.push(repository, '1', app)
  const client = new TestClient({ credentials: always(secret), cloudEndpoint: cloud.endpoint, ...options })
  return {
    cloud,
    upstream,
    client,
    clock: client.clock,
    resolve: (repository = 'team/app', signal?: AbortSignal) =>
      client.repository(`${upstream.host}/${repository}`, signal && { signal }).resolveTag(tag('1'), null),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
      await cloud[Symbol.asyncDispose]()
    },
  }
}

/** An access key for a registry that its name does not tell to be Amazon's: the loopback has none of theirs. */
function ecr(options: Partial<Parameters<typeof amazon>[0]> = {}) {
  let now = () => START
  const aws = amazon({ now: () => now(), ...options })
  const sessionToken = options.sessionToken ?? null
  const secret: Secret = { kind: 'aws', ...aws.key, sessionToken, region: 'eu-west-1' }
  const auth: UpstreamAuthOptions = { scheme: 'basic', credentials: aws.login }
  return {
    aws,
    secret,
    setup: { door: aws.door, secret, auth },
    by: (clock: { now(): number }) => {
      now = () => clock.now()
    },
  }
}

const hostsOf = ({ log }: Cloud): string[] => log.map(({ host }) => host)

describe('Amazon ECR', () => {
  test('is asked for a password with a signed request, and the registry is shown the user AWS', async () => {
    const { setup, aws } = ecr()
    await using it = await start(setup)

    expect(await it.resolve()).toEqual({ digest: app.digest })

    expect(it.cloud.log).toMatchObject([
      {
        host: 'api.ecr.eu-west-1.amazonaws.com',
        method: 'POST',
        path: '/',
        body: '{}',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
          'x-amz-date': '20260101T000000Z',
        },
      },
    ])
    const shown = it.upstream.log.map(({ headers }) => headers.authorization).filter(Boolean)
    const { username, password } = aws.login
    expect(shown).toEqual([`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`])
  })

  test('is shown the session token of a temporary key, which the signature covers', async () => {
    const { setup } = ecr({ accessKeyId: 'ASIAIOSFODNN7EXAMPLE', sessionToken: 'canary-session' })
    await using it = await start(setup)
    expect(await it.resolve()).toEqual({ digest: app.digest })
    expect(it.cloud.log[0]?.headers['x-amz-security-token']).toBe('canary-session')
  })

  test('is asked once, however many want its password at the same time', async () => {
    const { setup, aws } = ecr()
    await using it = await start(setup)
    await Promise.all(Array.from({ length: 30 }, (_, at) => it.resolve(at % 2 ? 'team/app' : 'team/other')))
    expect(aws.given).toBe(1)
  })

  test('gives 12 h: refreshed at half life, and not before', async () => {
    const { setup, aws, by } = ecr()
    await using it = await start(setup)
    by(it.clock)
    await it.resolve()

    it.clock.time += 6 * HOUR - MINUTE
    await it.resolve()
    expect(aws.given).toBe(1)

    it.clock.time += 2 * MINUTE
    expect(await it.resolve()).toEqual({ digest: app.digest })
    expect(aws.given).toBe(2)
  })

  test('may be out for hours: the old password is used while renewal fails, to its end', async () => {
    const { setup, aws, by } = ecr()
    // only the first password opens the registry
    const auth = {
      scheme: 'basic',
      credentials: { username: 'AWS', password: 'canary-ecr-password-1' },
    } as const
    await using it = await start({ ...setup, auth })
    by(it.clock)
    await it.resolve()

    it.cloud.hook = () => json(500, { __type: 'ServerException', message: 'try later' })
    for (let hours = 7; hours < 12; hours += 1) {
      it.clock.time = START + hours * HOUR
      expect(await it.resolve()).toEqual({ digest: app.digest })
    }
    it.clock.time = START + 12 * HOUR
    const error = await refusalOf(it.resolve())

    expect(error).toMatchObject({ reason: 'RegistryUnavailable', status: 500 })
    expect(error.message).toMatch(
      /there is no login for .*: no token was given: 127\.0\.0\.1:\d+ answered 500 ServerException: try later/,
    )
    expect(aws.given).toBe(1)
  })

  test('that fails is left alone for a while', async () => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(404, { message: 'nobody' })

    for (let at = 0; at < 5; at += 1) await refusalOf(it.resolve())
    expect(it.cloud.log).toHaveLength(1)

    it.cloud.hook = undefined
    it.clock.time += 11_000
    expect(await it.resolve()).toEqual({ digest: app.digest })
  })

  test('refuses a bad key once a minute, not once for each tag: repeated bad logins get an address blocked', async () => {
    const { setup } = ecr()
    const secret: Secret = { ...setup.secret, kind: 'aws', secretAccessKey: 'canary-wrong-key' } as Secret
    await using it = await start({ ...setup, secret })

    const errors = []
    for (let at = 0; at < 20; at += 1) errors.push(await refusalOf(it.resolve()))

    expect(it.cloud.log).toHaveLength(1)
    expect(errors[0]).toMatchObject({ reason: 'Unauthorized', status: 400 })
    expect(errors[0]?.message).toMatch(
      /^there is no login for .*: Amazon did not take the access key: \S+ answered 400 InvalidSignatureException: The request signature we calculated does not match/,
    )
    expect(new Set(errors.map(({ message }) => message)).size).toBe(1)
    it.clock.time += MINUTE + 1
    await refusalOf(it.resolve())
    expect(it.cloud.log).toHaveLength(2)
  })

  test.each([
    ['AccessDeniedException', 'Forbidden'],
    ['UnrecognizedClientException', 'Unauthorized'],
    ['ThrottlingException', 'TooManyRequests'],
  ])('says with 400 what it means: %s is %s', async (type, reason) => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(400, { __type: `com.amazon.coral#${type}`, message: 'because' })
    const error = await refusalOf(it.resolve())
    expect(error).toMatchObject({ reason, status: 400 })
    expect(error.message).toContain(`400 com.amazon.coral#${type}: because`)
  })

  test('does not close a repository that anybody may read, though it does not take the key', async () => {
    const { setup, aws } = ecr()
    const auth: UpstreamAuthOptions = { scheme: 'bearer', credentials: aws.login, mayPull: () => true }
    await using it = await start({ ...setup, auth })
    it.cloud.hook = () => json(400, { __type: 'UnrecognizedClientException', message: 'no' })
    expect(await it.resolve()).toEqual({ digest: app.digest })
  })

  test('is not asked for a registry that answers everybody', async () => {
    const { setup } = ecr()
    await using it = await start({ ...setup, auth: { scheme: 'basic', mayPull: () => true } })
    await it.resolve()
    expect(it.cloud.log).toEqual([])
  })

  test('is asked anew when the registry denies a password that is not young, and no more for a young one', async () => {
    const { setup, aws, by } = ecr()
    await using it = await start(setup)
    by(it.clock)
    await it.resolve()
    it.upstream.hook = ({ headers: { authorization = '' } }) =>
      Buffer.from(authorization.slice(6), 'base64').toString().endsWith('-1')
        ? errorAnswer(403, 'DENIED')
        : undefined

    expect(await refusalOf(it.resolve())).toMatchObject({ reason: 'Forbidden' })
    expect(aws.given).toBe(1)
    it.clock.time += 6 * MINUTE
    expect(await it.resolve()).toEqual({ digest: app.digest })
    expect(aws.given).toBe(2)
  })

  test('gives its password to those who still want it when the first one gives up', async () => {
    const { setup, aws } = ecr()
    await using it = await start(setup)
    let arrived: () => void = () => {}
    const reached = new Promise<void>((resolve) => {
      arrived = resolve
    })
    let isFirst = true
    it.cloud.hook = () => {
      arrived()
      // the first request is never answered
      if (!isFirst) return undefined
      isFirst = false
      return new Promise(() => {})
    }
    const impatient = new AbortController()
    const first = it.resolve('team/app', impatient.signal)
    await reached
    const second = it.resolve('team/other')
    impatient.abort(new Error('gone'))

    await expect(first).rejects.toThrow('gone')
    expect(await second).toEqual({ digest: app.digest })
    expect(aws.given).toBe(1)
  })

  test('gives each credential a password of its own: never shared across credentials', async () => {
    const { setup, aws } = ecr()
    const credentials: Credentials = {
      find: async (_registry, _repository, namespace) => ({ id: `of ${namespace}`, secret: setup.secret }),
      learner: (_registry, namespace) => namespace ?? '',
    }
    await using it = await start(
      { ...setup, auth: { ...setup.auth, credentials: aws.login } },
      { credentials },
    )
    for (const namespace of ['rich', 'poor', 'rich']) {
      const repository = it.client.repository(`${it.upstream.host}/team/app`, { namespace })
      await repository.resolveTag(tag('1'), null).catch(() => {})
    }
    expect(aws.given).toBe(2)
  })
})

describe('Google', () => {
  const setupOf = (account = serviceAccount()) => {
    const gcp = google({ now: () => START, account })
    const secret: Secret = { kind: 'google', serviceAccountKey: account.key }
    return {
      gcp,
      setup: { door: gcp.door, secret, auth: { scheme: 'bearer', credentials: gcp.login } as const },
    }
  }

  test('is shown an assertion signed by the service account, and the registry oauth2accesstoken', async () => {
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

  test('is asked at its own address, whatever the key says', async () => {
    const { setup } = setupOf(serviceAccount({ token_uri: 'https://accounts.google.com/o/oauth2/token' }))
    await using it = await start(setup)
    await it.resolve()
    expect(hostsOf(it.cloud)).toEqual(['oauth2.googleapis.com'])
  })

  test('is asked again at half of the hour', async () => {
    const gcp = google({ now: () => it.clock.now() })
    const secret: Secret = { kind: 'google', serviceAccountKey: gcp.account.key }
    await using it = await start({
      door: gcp.door,
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

  test('that does not know the key says so', async () => {
    const { setup } = setupOf()
    const secret: Secret = { kind: 'google', serviceAccountKey: serviceAccount().key }
    await using it = await start({ ...setup, secret })
    const error = await refusalOf(it.resolve())
    expect(error).toMatchObject({ reason: 'Unauthorized', status: 400 })
    expect(error.message).toMatch(
      /Google did not take the service account’s key: \S+ answered 400 invalid_grant: Invalid JWT Signature: \*\*\*$/,
    )
  })

  test('is not asked with what is no RSA key', async () => {
    const { setup } = setupOf()
    const private_key = '-----BEGIN PRIVATE KEY-----\ncanaryCANARY\n-----END PRIVATE KEY-----\n'
    const secret: Secret = { kind: 'google', serviceAccountKey: serviceAccount({ private_key }).key }
    await using it = await start({ ...setup, secret })
    const error = await refusalOf(it.resolve())
    expect(error.message).toMatch(/its private_key is no RSA key$/)
    expect(it.cloud.log).toEqual([])
  })

  test('still takes a key as the password of _json_key, and an access token as that of oauth2accesstoken', async () => {
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

describe('Azure', () => {
  const setupOf = (options: Parameters<typeof azure>[0] = {}) => {
    const acr = azure(options)
    const loginServer = options.loginServer ?? 'team.azurecr.io'
    const secret: Secret = { kind: 'azure', ...acr.application, loginServer }
    const auth: UpstreamAuthOptions = {
      scheme: 'bearer',
      credentials: { username: 'nobody', password: 'by password' },
      get identityToken() {
        return acr.refreshToken
      },
    }
    return { acr, setup: { door: acr.door, secret, auth } }
  }

  test.each([
    ['team.azurecr.io', 'login.microsoftonline.com'],
    ['team.azurecr.cn', 'login.partner.microsoftonline.cn'],
    ['team.azurecr.us', 'login.microsoftonline.us'],
  ])('is asked for an Entra token, and the registry to exchange it: %s', async (loginServer, entra) => {
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

  test('is the all-zero GUID by name, where a token server knows no OAuth2', async () => {
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
    'gives a refresh token that is renewed at half of its life, which it %s',
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

  test('is asked for another refresh token when the token server refuses one that is not young', async () => {
    const { setup, acr } = setupOf()
    let refused = ''
    const auth: UpstreamAuthOptions = {
      scheme: 'bearer',
      credentials: { username: 'nobody', password: 'by password' },
      get identityToken() {
        return acr.refreshToken === refused ? 'none' : acr.refreshToken
      },
    }
    await using it = await start({ ...setup, auth })
    await it.resolve()
    refused = acr.refreshToken
    it.clock.time += 6 * MINUTE
    expect(await refusalOf(it.resolve('team/other'))).toMatchObject({ reason: 'Unauthorized' })

    // as soon as the token server may be asked again
    it.clock.time += MINUTE + 1
    expect(await it.resolve('team/other')).toEqual({ digest: app.digest })
    expect(acr.given).toBe(2)
  })

  test('says which step refused: Entra', async () => {
    const { setup } = setupOf()
    const secret = { ...setup.secret, clientSecret: 'canary-wrong/secret' } as Secret
    await using it = await start({ ...setup, secret })

    const error = await refusalOf(it.resolve())

    expect(error).toMatchObject({ reason: 'Unauthorized', status: 401 })
    expect(error.message).toMatch(
      /: Microsoft Entra did not take the application’s secret: \S+ answered 401 invalid_client: AADSTS7000215: Invalid client secret provided: \*\*\*\.$/,
    )
  })

  test('says which step refused: the registry’s exchange', async () => {
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
      'another.azurecr.io did not take the application, which Microsoft Entra knows: ',
    )
  })
})

describe('a credential that a vendor’s own interface is shown', () => {
  test('is used, and one that it is not shown is not', async () => {
    await using cloud = await startCloud(() => json(200, {}))
    let uses = 0
    const onUsed = () => {
      uses += 1
    }
    const credential = {
      id: 'me',
      secret: { kind: 'password', username: 'me', password: 'x' },
      onUsed,
    } as const
    await using client = new TestClient({ credentials: { find: async () => credential } })
    const errand = { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal }
    const api = client.remote.api({ registry: 'registry.example', repository: 'team/app' }, errand)
    const url = cloud.endpoint(new URL('https://api.example/tags'))
    const request = { method: 'GET', headers: {}, maxBytes: 1000 } as const

    await api.credential()
    await api.dial(url, request)
    expect(uses).toBe(0)
    await api.dial(url, { ...request, account: 'me' })
    expect(uses).toBe(1)
  })
})

describe('a registry of Azure behind another name', () => {
  /** What a token server is shown for a registry, as a session asks for it. */
  async function shownTo(realm: string, loginServer: string | null): Promise<unknown> {
    const acr = azure()
    await using cloud = await startCloud(acr.door)
    await using egress = createEgress({ loopback: true })
    const clock = { ...systemClock, now: () => START }
    const dialer = new Dialer({ egress, clock, random: () => 0.5, limits: DEFAULT_LIMITS })
    const shown: unknown[] = []
    const tokens = {
      get: async ({ login }: TokenRequest): Promise<Grant> => {
        shown.push(login?.secret ?? null)
        return { token: { value: 'good', issued: START, expires: START + HOUR } }
      },
    }
    const host = new RegistryHost('registry.example', tokens as unknown as Tokens)
    host.demand = { scheme: 'bearer', realm: new URL(realm), service: 's', scopes: [] }
    const authorizer = new Authorizer({
      registry: 'registry.example',
      repository: 'team/app',
      host,
      trustedRealms: {},
      logins: new CloudLogins({ dialer, clock, endpointOf: cloud.endpoint }),
      errand: { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal },
    })
    const secret: Secret = { kind: 'azure', ...acr.application, loginServer }
    await authorizer.authorize({ id: 'me', secret })
    return shown[0]
  }

  test('is signed in to at its own token server, which the credential names', async () => {
    expect(await shownTo('https://team.azurecr.io/oauth2/token', 'team.azurecr.io')).toMatchObject({
      kind: 'identity',
    })
  })

  test.each([
    'https://other.azurecr.io/oauth2/token',
    'https://evil.example/',
    'http://team.azurecr.io/oauth2/token',
  ])('shows nothing at any other: %s', async (realm) => {
    const shown = await shownTo(realm, 'team.azurecr.io').catch((error: Error) => error.name)
    expect([null, 'TokenServerError']).toContain(shown)
  })
})

describe('an endpoint of a cloud', () => {
  test('that redirects is not followed', async () => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => ({ status: 307, headers: { location: `${it.upstream.url}/stolen` }, body: '' })
    const error = await refusalOf(it.resolve())
    expect(error.message).toContain('answered 307')
    expect(it.upstream.log.filter(({ method }) => method === 'POST')).toEqual([])
  })

  test.each([
    ['nothing', {}],
    ['no list', { authorizationData: 'x' }],
    ['no pair', { authorizationData: [{ authorizationToken: 'AAAA' }] }],
    ['no password', { authorizationData: [{ authorizationToken: Buffer.from('AWS:').toString('base64') }] }],
    ['what breaks a header', { authorizationData: [{ authorizationToken: 'QVdT\r\nx: y' }] }],
  ])('that gives %s in place of a token is said to', async (_what, body) => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(200, body)
    const error = await refusalOf(it.resolve())
    expect(error.reason).toBe('RegistryUnavailable')
    expect(error.message).toMatch(/gave an answer without a token$/)
  })

  test('that answers without end is cut off', async () => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(200, { authorizationData: 'x'.repeat(1024 * 1024) })
    expect((await refusalOf(it.resolve())).message).toMatch(
      /cannot be asked: the answer is larger than 1048576/,
    )
  })

  test('is asked through the guard of addresses', async () => {
    const { setup } = ecr()
    const cloudEndpoint = () => new URL('http://169.254.169.254/latest/meta-data')
    await using it = await start(setup, { cloudEndpoint })
    expect(await refusalOf(it.resolve())).toMatchObject({ reason: 'ForbiddenTarget' })
  })

  test('is not asked where the configuration blocks it', async () => {
    const { setup } = ecr()
    const blocked = { blockedBy: 'the configuration of amazonaws.com blocks it' }
    await using it = await start(setup, { rules: () => ({ ...NO_RULES, abroad: () => blocked }) })
    const error = await refusalOf(it.resolve())
    expect(error.reason).toBe('Blocked')
    expect(error.message).toMatch(/was not asked: the configuration of amazonaws.com blocks it$/)
    expect(it.cloud.log).toEqual([])
  })

  test('must have a certificate that verifies, also when the registry need not', async () => {
    const { setup } = ecr()
    const tls = await (await createAuthority()).issue(['127.0.0.1'])
    await using impostor = await startUpstream({ tls })
    await using it = await start(setup, { cloudEndpoint: () => new URL(impostor.url) })
    const repository = it.client.repository(`${it.upstream.host}/team/app`, { insecure: true })
    const error = await refusalOf(repository.resolveTag(tag('1'), null))
    expect(error.message).toMatch(/its certificate/)
    expect(impostor.log).toEqual([])
  })
})
