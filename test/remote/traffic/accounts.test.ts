import { describe, expect, test } from 'vitest'
import type { Credentials } from '../../../src/remote/login/credentials.ts'
import { Accounts } from '../../../src/remote/traffic/accounts.ts'
import { Budgets } from '../../../src/remote/traffic/budgets.ts'
import { CircuitBreaker } from '../../../src/remote/traffic/circuit-breaker.ts'
import { CLOSED_PERMIT } from '../../../src/remote/traffic/permit.ts'
import { startScripted } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { createTestClock, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const app = image({ seed: 'app' })
const CHALLENGE = { 'www-authenticate': 'Basic realm="upstream"' }

/** Each namespace has its own user; `anybody` is anonymous. */
const users: Credentials = {
  find: async (_registry, _repository, namespace) =>
    namespace === null || namespace === 'anybody'
      ? null
      : { id: namespace, secret: { kind: 'password', username: namespace, password: 'secret' } },
  cacheScope: (_registry, namespace) => namespace ?? '',
}

const userOf = (authorization: string | undefined): string | undefined =>
  authorization && Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')[0]

/** A registry that requires a login and responds to each user as given. */
async function start(responses: Record<string, UpstreamResponse | undefined>) {
  const upstream = await startUpstream()
  for (const name of ['1', '2']) upstream.push('team/app', name, app)
  upstream.hook = ({ headers }) => {
    const user = userOf(headers.authorization)
    return user === undefined ? errorResponse(401, 'UNAUTHORIZED', CHALLENGE) : responses[user]
  }
  const client = new TestClient({ credentials: users })
  const resolve = (namespace: string) =>
    client.repository(`${upstream.host}/team/app`, { namespace, lane: namespace }).resolveTag(tag('1'), null)
  const standing = () => {
    const [only] = client.remote.hostStatuses()
    if (!only) throw new Error('no request was sent')
    return only
  }
  const requestsOf = (user: string) =>
    upstream.log.filter(({ headers }) => userOf(headers.authorization) === user).length
  return {
    ...{ upstream, client, resolve, standing, requestsOf },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const limited = (headers: Record<string, string> = {}) => errorResponse(429, 'TOOMANYREQUESTS', headers)

describe('a registry that limits one account', () => {
  test('with Retry-After receives requests of the other accounts, and none of that one', async () => {
    const responses = { ann: limited({ 'retry-after': '3600' }) as UpstreamResponse | undefined }
    await using it = await start(responses)
    const { reason, message } = await refusalOf(it.resolve('ann'))
    expect(reason).toBe('TooManyRequests')
    expect(it.requestsOf('ann')).toBe(1)
    for (const user of ['bob', 'eve', 'bob']) expect((await it.resolve(user)).digest).toBe(app.digest)
    expect(await refusalOf(it.resolve('ann'))).toMatchObject({ reason, message })
    expect(it.requestsOf('ann')).toBe(1)
    responses.ann = undefined
    it.client.clock.time += 3_600_000
    expect((await it.resolve('ann')).digest).toBe(app.digest)
  })

  test('without Retry-After receives fewer and fewer requests of that account, and all of the others', async () => {
    await using it = await start({ ann: limited() })
    const started = it.client.clock.time
    const refused = await Promise.all(Array.from({ length: 30 }, () => refusalOf(it.resolve('ann'))))
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['TooManyRequests']))
    // the ten in flight, then one after each back-off
    expect(it.requestsOf('ann')).toBeLessThanOrEqual(20)
    expect(it.client.clock.time - started).toBeGreaterThanOrEqual(14_000)
    const before = it.requestsOf('ann')
    await refusalOf(it.resolve('ann'))
    expect(it.requestsOf('ann')).toBeLessThanOrEqual(before + 1)
    expect((await it.resolve('bob')).digest).toBe(app.digest)
  })

  test('is reported with the state of the account, without its name', async () => {
    await using it = await start({ ann: limited({ 'retry-after': '60' }) })
    await refusalOf(it.resolve('ann'))
    await it.resolve('bob')
    const now = it.client.clock.time
    expect(it.standing()).toMatchObject({
      breaker: { state: 'CLOSED' },
      accounts: [
        {
          isSignedIn: true,
          breaker: {
            state: 'OPEN',
            message: 'it responded with 429 and requested a pause',
            since: now,
            nextAttemptAt: now + 60_000,
          },
          budget: null,
        },
      ],
    })
    expect(JSON.stringify(it.standing())).not.toMatch(/ann|bob|secret/)
  })

  test('does not delay requests of another account in the queue', async () => {
    await using it = await start({})
    for (const user of ['ann', 'bob']) await it.resolve(user)
    it.upstream.reset()
    const gate = it.upstream.hold(({ headers }) => userOf(headers.authorization) === 'ann')
    const waiting = Array.from({ length: 9 }, () => it.resolve('ann'))
    await gate.arrived(9)
    expect((await it.resolve('bob')).digest).toBe(app.digest)
    gate.open()
    await Promise.all(waiting)
  })

  test('receives requests with a credential when the anonymous account is limited', async () => {
    await using it = await start({})
    const open = it.upstream.hook
    it.upstream.hook = () => limited({ 'retry-after': '3600' })
    await refusalOf(it.resolve('anybody'))
    it.upstream.hook = open
    expect((await it.resolve('ann')).digest).toBe(app.digest)
    expect(await refusalOf(it.resolve('anybody'))).toMatchObject({ reason: 'TooManyRequests' })
    expect(it.standing().accounts).toMatchObject([{ isSignedIn: false, breaker: { state: 'OPEN' } }])
  })

  test('counts as working: the failures of another account start from zero', async () => {
    await using it = await start({ ann: limited(), bob: errorResponse(500, 'NO') })
    for (let times = 0; times < 4; times += 1) await refusalOf(it.resolve('bob'))
    await refusalOf(it.resolve('ann'))
    await refusalOf(it.resolve('bob'))
    expect(it.standing().breaker.state).toBe('CLOSED')
  })
})

describe('a token server that limits one account', () => {
  test('receives requests of the other accounts', async () => {
    await using registry = await startScripted((request, response) => {
      const { authorization } = request.headers
      if (request.url?.startsWith('/token')) {
        const isLimited = userOf(authorization) === 'ann'
        response.writeHead(isLimited ? 429 : 200, isLimited ? { 'retry-after': '3600' } : {})
        response.end(isLimited ? '' : JSON.stringify({ token: 'open' }))
      } else if (authorization === 'Bearer open') {
        response.writeHead(200, { 'content-type': app.mediaType, 'docker-content-digest': app.digest }).end()
      } else {
        const realm = `http://${request.headers.host}/token`
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="test"` }).end()
      }
    })
    await using client = new TestClient({ credentials: users })
    const resolve = (namespace: string) =>
      client.repository(`${registry.host}/team/app`, { namespace }).resolveTag(tag('1'), null)
    expect(await refusalOf(resolve('ann'))).toMatchObject({ reason: 'TooManyRequests' })
    expect((await resolve('bob')).digest).toBe(app.digest)
    const before = registry.requests.length
    await refusalOf(resolve('ann'))
    expect(registry.requests).toHaveLength(before)
  })
})

describe('a registry that fails', () => {
  test.each([500, 502, 503, 504])('with %d for one account fails for all accounts', async (status) => {
    await using it = await start({ ann: errorResponse(status, 'NO') })
    for (let times = 0; times < 5; times += 1) await refusalOf(it.resolve('ann'))
    expect(it.standing().breaker.state).toBe('OPEN')
    expect(await refusalOf(it.resolve('bob'))).toMatchObject({ reason: 'RegistryUnavailable' })
    expect(it.requestsOf('bob')).toBe(0)
  })

  test('with 503 and Retry-After receives no requests of any account', async () => {
    await using it = await start({ ann: errorResponse(503, 'NO', { 'retry-after': '60' }) })
    await refusalOf(it.resolve('ann'))
    await refusalOf(it.resolve('bob'))
    expect(it.requestsOf('bob')).toBe(0)
  })
})

describe('an exhausted pull quota', () => {
  const SPENT = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' }

  test('is retried once a minute only: quota hit, no hammering (argocd-image-updater#511)', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', '1', app)
    upstream.hook = ({ kind }) => (kind === 'manifest' ? limited(SPENT) : undefined)
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    const first = await refusalOf(repository.fetchManifest(app.digest))
    expect(first).toMatchObject({ reason: 'TooManyRequests', status: 429 })
    for (let times = 0; times < 100; times += 1) {
      expect(await refusalOf(repository.fetchManifest(app.digest))).toMatchObject({
        reason: 'TooManyRequests',
        message: `no request was sent to ${upstream.host}/team/app: the 100 requests of its quota are used up: requests are retried once a minute`,
      })
    }
    expect(upstream.requests.manifest).toBe(1)
    client.clock.time += 60_000
    await refusalOf(repository.fetchManifest(app.digest))
    expect(upstream.requests.manifest).toBe(2)
  })

  test('allows uncounted requests such as HEAD, and opens no circuit', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', '1', app)
    upstream.hook = ({ kind }) => (kind === 'manifest' ? limited(SPENT) : undefined)
    await using client = new TestClient()
    const repository = client.repository(`${upstream.host}/team/app`)
    await repository.resolveTag(tag('1'), null)
    for (let times = 0; times < 10; times += 1) await refusalOf(repository.fetchManifest(app.digest))
    expect((await repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
    expect(client.remote.hostStatuses()).toMatchObject([
      {
        breaker: { state: 'CLOSED' },
        accounts: [{ isSignedIn: false, breaker: { state: 'CLOSED' }, budget: { remaining: 0 } }],
      },
    ])
  })
})

describe('the accounts of a host', () => {
  const open = () => {
    const clock = createTestClock()
    const options = {
      clock,
      random: () => 1,
      failures: 1,
      firstOpen: 1000,
      longestOpen: 1000,
      firstBackOff: 1000,
    }
    return { clock, accounts: new Accounts(() => new CircuitBreaker(options)) }
  }
  const failure = { status: 429, headers: {}, body: new Uint8Array() }

  test('are remembered up to a hundred, those with an open circuit the longest', () => {
    const { accounts, clock } = open()
    accounts.breakerOf('ann').fail(CLOSED_PERMIT, { failure, namespace: null })
    for (let other = 0; other < 200; other += 1) accounts.breakerOf(`${other}`)
    expect(accounts.breakerOf('ann').state).toBe('OPEN')
    expect(accounts.idle).toBe(false)
    for (let other = 0; other < 101; other += 1) {
      accounts.breakerOf(`bad ${other}`).fail(CLOSED_PERMIT, { failure, namespace: null })
    }
    expect(accounts.breakerOf('ann').state).toBe('CLOSED')
    expect(accounts.statuses(new Budgets(0.1)).length).toBeLessThanOrEqual(100)
    clock.time += 1000
    expect(accounts.idle).toBe(true)
  })
})
