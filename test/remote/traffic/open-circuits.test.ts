import { describe, expect, test } from 'vitest'
import { closedPort } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { password, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const app = image({ seed: 'app' })

async function start() {
  const upstream = await startUpstream()
  upstream.push('team/app', '1', app)
  return upstream
}

/** Functions that return the state of the host, and resolve a tag of it. */
function hostOf(client: TestClient, host: string) {
  const standing = () => client.remote.hostStatuses().find((one) => one.host === host)
  return {
    standing,
    budgets: () => standing()?.accounts.map(({ budget }) => budget),
    resolve: () => client.repository(`${host}/team/app`).resolveTag(tag('1'), null),
  }
}

const AUTH = { scheme: 'bearer', credentials: { username: 'ann', password: 'secret' } } as const
const FIVE = [1, 2, 3, 4, 5]

describe('a host that fails five times in a row', () => {
  test.each([408, 500, 502, 503, 504])(
    'with %d receives no further requests, which fail with the last failure',
    async (status) => {
      await using upstream = await start()
      await using client = new TestClient()
      const { resolve, standing } = hostOf(client, upstream.host)
      await resolve()
      upstream.reset()
      upstream.hook = () => errorResponse(status, 'NO')
      const messages = new Set<string>()
      for (const _ of FIVE) messages.add((await refusalOf(resolve())).message)
      expect(upstream.log).toHaveLength(15)
      expect(standing()?.breaker).toMatchObject({ state: 'OPEN', message: `it responded with ${status}` })
      messages.add((await refusalOf(resolve())).message)
      expect(messages.size).toBe(1)
      expect(upstream.log).toHaveLength(15)
    },
  )

  test('by refusing connections receives no further requests', async () => {
    const host = await closedPort()
    await using client = new TestClient()
    const { resolve, standing } = hostOf(client, host)
    for (const _ of FIVE) await refusalOf(resolve())
    const { sleeps } = client.clock
    const slept = sleeps.length
    const { message, reason } = await refusalOf(resolve())
    expect({ message, reason }).toEqual({
      message: `the request to ${host}/team/app failed: the connection was refused`,
      reason: 'RegistryUnavailable',
    })
    expect(sleeps).toHaveLength(slept)
    expect(standing()?.breaker).toEqual({
      ...{ state: 'OPEN', message: 'the connection was refused' },
      ...{ since: client.clock.time, nextAttemptAt: client.clock.time + 3750 },
    })
    client.clock.time += 3750
    expect(standing()?.breaker.state).toBe('HALF_OPEN')
  })

  test('receives one probe at its next attempt, and the waiting requests after it', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, standing } = hostOf(client, upstream.host)
    await resolve()
    upstream.hook = () => errorResponse(503, 'NO')
    for (const _ of FIVE) await refusalOf(resolve())
    client.clock.time += 5000
    upstream.reset()
    upstream.hook = undefined
    const gate = upstream.hold()
    const all = Array.from({ length: 20 }, resolve)
    await gate.arrived(1)
    expect(gate.waiting).toHaveLength(1)
    expect(standing()?.inFlight).toBe(1)
    gate.open()
    expect(new Set((await Promise.all(all)).map(({ digest }) => digest))).toEqual(new Set([app.digest]))
  })

  test('and at the probe receives no requests for a longer time', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, standing } = hostOf(client, upstream.host)
    await resolve()
    upstream.hook = () => errorResponse(503, 'NO')
    for (const _ of FIVE) await refusalOf(resolve())
    client.clock.time += 5000
    upstream.reset()
    const all = await Promise.all(Array.from({ length: 20 }, () => refusalOf(resolve())))
    expect(new Set(all.map(({ reason }) => reason))).toEqual(new Set(['RegistryUnavailable']))
    expect(upstream.log).toHaveLength(1)
    expect(standing()?.breaker.nextAttemptAt).toBe(client.clock.time + 7500)
  })

  test('does not affect other hosts', async () => {
    await using upstream = await start()
    await using other = await start()
    await using client = new TestClient()
    upstream.hook = () => errorResponse(503, 'NO')
    for (const _ of FIVE) await refusalOf(hostOf(client, upstream.host).resolve())
    expect((await hostOf(client, other.host).resolve()).digest).toBe(app.digest)
  })

  test('before its scheme was discovered is probed at its next attempt', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, standing } = hostOf(client, upstream.host)
    upstream.hook = () => 'reset'
    for (const _ of FIVE) await refusalOf(resolve())
    expect(standing()?.breaker.state).toBe('OPEN')
    upstream.hook = undefined
    client.clock.time += 5000
    expect((await resolve()).digest).toBe(app.digest)
  })

  test('is probed by the next request when the first is aborted', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve } = hostOf(client, upstream.host)
    await resolve()
    upstream.hook = () => errorResponse(503, 'NO')
    for (const _ of FIVE) await refusalOf(resolve())
    client.clock.time += 5000
    upstream.hook = undefined
    const gate = upstream.hold()
    const impatient = new AbortController()
    const name = `${upstream.host}/team/app`
    const first = client.repository(name, { signal: impatient.signal }).resolveTag(tag('1'), null)
    await gate.arrived(1)
    const second = resolve()
    impatient.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    gate.open()
    expect((await second).digest).toBe(app.digest)
  })
})

describe('a circuit stays closed', () => {
  test.each([400, 401, 403, 404, 501])('for repeated responses %d', async (status) => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, standing } = hostOf(client, upstream.host)
    upstream.hook = () => errorResponse(status, 'NO')
    for (const _ of [...FIVE, ...FIVE]) await refusalOf(resolve())
    expect(standing()?.breaker.state).toBe('CLOSED')
  })

  test('for a certificate that does not verify, which insecure requests accept', async () => {
    const { createAuthority } = await import('../../fixtures/certificates.ts')
    const authority = await createAuthority()
    await using upstream = await startUpstream({ tls: await authority.issue(['127.0.0.1']) })
    upstream.push('team/app', '1', app)
    await using client = new TestClient()
    const name = `${upstream.host}/team/app`
    for (const _ of FIVE) await refusalOf(client.repository(name).resolveTag(tag('1'), null))
    const trusting = client.repository(name, { insecure: true })
    expect((await trusting.resolveTag(tag('1'), null)).digest).toBe(app.digest)
  })

  test('after a requested pause and a successful request', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, standing } = hostOf(client, upstream.host)
    upstream.hook = () => errorResponse(503, 'UNAVAILABLE', { 'retry-after': '3600' })
    await refusalOf(resolve())
    expect(standing()?.breaker).toEqual({
      ...{ state: 'OPEN', message: 'it responded with 503 and requested a pause' },
      ...{ since: client.clock.time, nextAttemptAt: client.clock.time + 3_600_000 },
    })
    client.clock.time += 3_600_000
    upstream.hook = undefined
    await resolve()
    expect(standing()?.breaker.state).toBe('CLOSED')
  })
})

describe('the budget of a host', () => {
  const quota = (response: UpstreamResponse, remaining: number, source: string): UpstreamResponse => ({
    ...response,
    headers: {
      ...response.headers,
      ...{ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': `${remaining};w=21600` },
      'docker-ratelimit-source': source,
    },
  })

  test('is read from the response to an uncounted HEAD', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, standing, budgets } = hostOf(client, upstream.host)
    upstream.hook = (_, response) => quota(response, 20, '192.0.2.7')
    await resolve()
    expect(upstream.log.map(({ method }) => method)).toEqual(['HEAD'])
    expect(standing()).toMatchObject({ inFlight: 0, waiting: 0 })
    expect(budgets()).toEqual([
      {
        ...{ limit: 100, remaining: 20, window: 21_600, resetAt: null, pullsOnly: true },
        ...{ source: '192.0.2.7', readAt: client.clock.time },
      },
    ])
  })

  test('is read from a 429 too', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const { resolve, budgets } = hostOf(client, upstream.host)
    upstream.hook = () => quota(errorResponse(429, 'TOOMANYREQUESTS'), 0, '192.0.2.7')
    await refusalOf(resolve())
    expect(budgets()).toMatchObject([{ remaining: 0 }])
  })

  test('is separate for each account', async () => {
    await using upstream = await startUpstream({ auth: AUTH })
    upstream.push('team/app', '1', app)
    await using client = new TestClient({ credentials: password('ann', 'secret') })
    upstream.hook = ({ kind, headers }, response) => {
      if (kind === 'token') return undefined
      return headers.authorization ? quota(response, 190, 'ann-s-id') : quota(response, 20, '192.0.2.7')
    }
    const { resolve, budgets } = hostOf(client, upstream.host)
    await resolve()
    expect(budgets()).toMatchObject([
      { source: '192.0.2.7', remaining: 20 },
      { source: 'ann-s-id', remaining: 190 },
    ])
  })
})

describe('a repository that fails', () => {
  const failing = ({ repository }: { readonly repository: string }) =>
    repository === 'team/app' ? errorResponse(500, 'NO') : undefined

  /** A registry where team/app failed five times, and other repositories work. */
  async function startFailing(client: TestClient) {
    const upstream = await start()
    const host = hostOf(client, upstream.host)
    upstream.push('team/other', '1', app)
    upstream.push('team/third', '1', app)
    const resolve = (name: string) => client.repository(`${upstream.host}/${name}`).resolveTag(tag('1'), null)
    await resolve('team/other')
    upstream.hook = failing
    for (const _ of FIVE) await refusalOf(host.resolve())
    upstream.reset()
    return { upstream, resolve, standing: host.standing }
  }

  test('is not requested meanwhile, and the other repositories of the host are', async () => {
    await using client = new TestClient()
    const { upstream, resolve, standing } = await startFailing(client)
    await using _ = upstream
    await refusalOf(resolve('team/app'))
    expect(upstream.log).toHaveLength(0)
    expect(standing()?.breaker).toMatchObject({ state: 'OPEN', message: 'it responded with 500' })
    await expect(resolve('team/other')).resolves.toMatchObject({ digest: app.digest })
    await expect(resolve('team/third')).resolves.toMatchObject({ digest: app.digest })
  })

  test('does not stop the others by its probes, and recovers by one', async () => {
    await using client = new TestClient()
    const { upstream, resolve, standing } = await startFailing(client)
    await using _ = upstream
    for (const _ of FIVE) {
      client.clock.time = standing()?.breaker.nextAttemptAt ?? Number.NaN
      await refusalOf(resolve('team/app'))
      await expect(resolve('team/other')).resolves.toMatchObject({ digest: app.digest })
    }
    upstream.hook = undefined
    client.clock.time = standing()?.breaker.nextAttemptAt ?? Number.NaN
    await expect(resolve('team/app')).resolves.toMatchObject({ digest: app.digest })
    expect(standing()?.breaker.state).toBe('CLOSED')
  })

  test('stops the others when they fail too', async () => {
    await using client = new TestClient()
    const { upstream, resolve, standing } = await startFailing(client)
    await using _ = upstream
    upstream.hook = () => errorResponse(502, 'NO')
    await refusalOf(resolve('team/other'))
    upstream.reset()
    await refusalOf(resolve('team/third'))
    expect(upstream.log).toHaveLength(0)
    expect(standing()?.breaker).toMatchObject({ state: 'OPEN', message: 'it responded with 502' })
  })
})

test('the tokens of one scope that fail do not stop the repositories of the same host', async () => {
  await using upstream = await startUpstream({ auth: { scheme: 'bearer' } })
  upstream.push('team/app', '1', app)
  upstream.push('team/other', '1', app)
  upstream.hook = ({ kind, url }) =>
    kind === 'token' && url.includes('app') ? errorResponse(500, 'NO') : undefined
  await using client = new TestClient()
  const resolve = (name: string) => client.repository(`${upstream.host}/${name}`).resolveTag(tag('1'), null)
  for (const _ of [...FIVE, ...FIVE]) await refusalOf(resolve('team/app'))
  await expect(resolve('team/other')).resolves.toMatchObject({ digest: app.digest })
})
