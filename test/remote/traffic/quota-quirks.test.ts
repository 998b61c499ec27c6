import { describe, expect, test } from 'vitest'
import { image, index } from '../../fixtures/random-image.ts'
import { allTags, refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse, json, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

const app = image({ seed: 'app' })
const HOUR = 3_600_000

async function start() {
  const upstream = await startUpstream()
  upstream.push('team/app', '1', app)
  return upstream
}

/** Returns the outcome of a request that is refused once in this way, and the pauses of the client. */
async function refusedOnce(response: (now: number) => UpstreamResponse) {
  await using upstream = await start()
  await using client = new TestClient()
  let refusals = 1
  upstream.hook = () => (refusals-- > 0 ? response(client.clock.now()) : undefined)
  const repository = client.repository(`${upstream.host}/team/app`)
  const { digest } = await repository.resolveTag(tag('1'), null)
  expect(digest).toBe(app.digest)
  return client.clock.sleeps
}

const limited = (headers: Record<string, string>) => errorResponse(429, 'TOOMANYREQUESTS', headers)

describe("Docker Hub's", () => {
  test("API's 429 with X-Retry-After, which is a time since 1970, is waited for until then", async () => {
    expect(await refusedOnce((now) => limited({ 'x-retry-after': String(now / 1000 + 12) }))).toEqual([
      12_000,
    ])
  })

  test('429 at the pull limit, with a long message and without a time, is TooManyRequests with one line', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const message =
      'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit'
    const left = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' }
    upstream.hook = () => json(429, { errors: [{ code: 'TOOMANYREQUESTS', message }] }, left)
    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).fetchManifest(app.digest))
    expect(refused).toMatchObject({ reason: 'TooManyRequests', status: 429 })
    expect(refused.message).toBe(
      `${upstream.host} refuses further requests for now: it responded with 429 TOOMANYREQUESTS: ${message}; a login, by setRegistryCredential or --docker-config, may have a higher limit`,
    )
    expect(client.remote.hostStatuses()).toMatchObject([
      { accounts: [{ budget: { limit: 100, remaining: 0 } }] },
    ])
  })

  test('429 against abuse, which is plain text (thousands/min, all properties), is TooManyRequests', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    upstream.hook = () => ({
      status: 429,
      headers: { 'content-type': 'text/plain' },
      body: 'Too Many Requests\n',
    })
    const refused = await refusalOf(client.repository(`${upstream.host}/team/app`).fetchManifest(app.digest))
    expect(refused.message).toMatch(
      /refuses further requests for now: it responded with 429 Too Many Requests; a login, by setRegistryCredential or --docker-config, may have a higher limit$/,
    )
  })

  test('HEADs and lists of tags are not counted: schedules request them without a remainder', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    upstream.hook = (_, response) => ({
      ...response,
      headers: {
        ...response.headers,
        ...{ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
      },
    })
    const repository = client.repository(`${upstream.host}/team/app`, { urgency: 'schedule' })
    for (let times = 0; times < 2; times += 1) {
      expect(await allTags(repository)).toEqual(['1'])
      expect((await repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
    }
    expect((await refusalOf(repository.fetchManifest(app.digest))).reason).toBe('TooManyRequests')
  })
})

describe("Docker Hub's budget, ratelimit-limit: 100;w=21600", () => {
  const headers = {
    'ratelimit-limit': '100;w=21600',
    'ratelimit-remaining': '20;w=21600',
    'docker-ratelimit-source': '192.0.2.7',
  }
  const withBudget = (response: UpstreamResponse): UpstreamResponse => ({
    ...response,
    headers: { ...response.headers, ...headers },
  })

  test('is also reported for HEAD, which is not counted', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    upstream.hook = (_, response) => withBudget(response)
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    expect(upstream.requests).toMatchObject({ head: 1, manifest: 0 })
    expect(client.remote.hostStatuses()).toMatchObject([
      {
        accounts: [
          { budget: { limit: 100, remaining: 20, window: 21_600, source: '192.0.2.7', pullsOnly: true } },
        ],
      },
    ])
  })

  test('counts a multi-arch pull once per architecture: each manifest is one request', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })
    const both = index([app, arm])
    upstream.push('team/app', 'both', both)
    let left = 13
    upstream.hook = ({ kind }, response) => {
      if (kind === 'manifest') left -= 1
      const remaining = { 'ratelimit-remaining': `${left};w=21600` }
      return { ...response, headers: { ...response.headers, ...headers, ...remaining } }
    }
    const scheduled = client.repository(`${upstream.host}/team/app`, { urgency: 'schedule' })
    await scheduled.resolveTag(tag('both'), null)
    for (const { digest } of [both, app, arm]) await scheduled.fetchManifest(digest)

    // the last tenth is left: the index and each of its images used one, and the HEAD none
    expect(client.remote.hostStatuses()).toMatchObject([
      { accounts: [{ budget: { limit: 100, remaining: 10 } }] },
    ])
    expect((await refusalOf(scheduled.fetchManifest(app.digest))).reason).toBe('TooManyRequests')
    expect(upstream.requests).toMatchObject({ head: 1, manifest: 3 })
  })

  test('is not used by watching a hundred unchanged tags (diun#168, diun#365)', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    upstream.hook = (_, response) => withBudget(response)
    const repository = client.repository(`${upstream.host}/team/app`, { urgency: 'schedule' })
    for (let times = 0; times < 100; times += 1) await repository.resolveTag(tag('1'), app.digest)
    expect(upstream.requests.manifest).toBe(0)
  })
})

describe("GitHub's and the Hub API's X-RateLimit-*", () => {
  test('without a remainder and Retry-After is waited for until it is renewed', async () => {
    expect(
      await refusedOnce((now) =>
        limited({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1000 + 15) }),
      ),
    ).toEqual([15_000])
  })
})

describe("Azure's", () => {
  test('x-ms-ratelimit-remaining-calls-per-second is remembered, a whole number of them', async () => {
    await using upstream = await start()
    await using client = new TestClient()
    upstream.hook = (_, response) => ({
      ...response,
      headers: { ...response.headers, 'x-ms-ratelimit-remaining-calls-per-second': '166.65' },
    })
    await client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null)
    expect(client.remote.hostStatuses()).toMatchObject([
      { accounts: [{ budget: { limit: null, remaining: 166, window: 1, pullsOnly: false } }] },
    ])
  })

  test('429 with Retry-After in seconds (5,000 reads/min per identity) is waited for', async () => {
    expect(await refusedOnce(() => limited({ 'retry-after': '7' }))).toEqual([7000])
  })
})

describe('Retry-After', () => {
  test('as a date is waited for until then', async () => {
    const date = (now: number) => new Date(now + 9000).toUTCString()
    expect(await refusedOnce((now) => limited({ 'retry-after': date(now) }))).toEqual([9000])
  })

  test('of a 503 is like that of a 429', async () => {
    expect(await refusedOnce(() => errorResponse(503, 'UNAVAILABLE', { 'retry-after': '3' }))).toEqual([3000])
  })

  test.each(['0', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT'])('of %s is one second', async (value) => {
    expect(await refusedOnce(() => limited({ 'retry-after': value }))).toEqual([1000])
  })

  test.each(['soon', ''])('of "%s" is ignored: the account backs off as without it', async (value) => {
    expect(await refusedOnce(() => limited({ 'retry-after': value }))).toEqual([2250])
  })

  test.each(['1000000000', 'Fri, 31 Dec 9999 23:59:59 GMT'])('of %s is one hour', async (value) => {
    await using upstream = await start()
    await using client = new TestClient()
    upstream.hook = () => limited({ 'retry-after': value })
    const now = client.clock.now()
    await refusalOf(client.repository(`${upstream.host}/team/app`).resolveTag(tag('1'), null))
    expect(client.remote.hostStatuses()).toMatchObject([
      {
        accounts: [{ isSignedIn: false, breaker: { state: 'OPEN', since: now, nextAttemptAt: now + HOUR } }],
      },
    ])
  })
})
