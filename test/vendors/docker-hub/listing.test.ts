import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { image, index, releases } from '../../fixtures/random-image.ts'
import { password } from '../../fixtures/registry-client.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { type DockerHubOptions, dockerHubSide } from '../../fixtures/vendors/docker-hub.ts'
import { VendorRegistry } from '../../fixtures/vendors/vendor-registry.ts'
import { ListingClient, type ListingClientOptions, tagsOf } from '../world.ts'

const REPOSITORY = 'library/nginx'
const LOGIN = { identifier: 'alice', secret: 'dckr_pat_s3cret' }
const app = image({ seed: 'app' })
const both = index([app, image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })])

let hub: VendorRegistry
let client: ListingClient
let name: string

async function start(options: DockerHubOptions = {}, asWhom: ListingClientOptions = {}): Promise<void> {
  hub = await VendorRegistry.start(dockerHubSide(options), { time: Date.UTC(2026, 0, 1) })
  client = new ListingClient({ configuration: hub.configuration, ...asWhom })
  name = `${hub.host}/${REPOSITORY}`
}
const fill = (count: number): void => {
  for (const [tag, content] of releases(count, { images: 10 })) hub.push(REPOSITORY, tag, content)
}

beforeEach(() => start())
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await hub[Symbol.asyncDispose]()
})
const restart = async (options: DockerHubOptions, asWhom: ListingClientOptions = {}): Promise<void> => {
  await client[Symbol.asyncDispose]()
  await hub[Symbol.asyncDispose]()
  await start(options, asWhom)
}

test('the last push comes first, so that one request finds a moved tag', async () => {
  fill(250)
  hub.push(REPOSITORY, '1.1.7', both)

  const { claims, total, moves, isComplete } = await client.firstPage(name)

  expect(claims[0]).toEqual({ tag: '1.1.7', digest: both.digest, changedAt: hub.world.time })
  expect({ count: claims.length, total, moves, isComplete }).toEqual({
    count: 100,
    total: 250,
    moves: [],
    isComplete: false,
  })
  expect(hub.requests).toMatchObject({ vendor: 1, tags: 0, head: 0, manifest: 0, other: 0 })
})

test('a page has 100 tags, the maximum of page_size', async () => {
  fill(250)

  const { pages, claims, isComplete } = await client.read(name)

  expect(pages.map((page) => [page.claims.length, page.isComplete])).toEqual([
    [100, false],
    [100, false],
    [50, true],
  ])
  expect(new Set(tagsOf(claims)).size).toBe(250)
  expect(isComplete).toBe(true)
  expect(hub.log.map(({ query }) => query.get('page_size'))).toEqual(['100', '100', '100'])
})

describe('the limit on the offset of anonymous requests (harbor#23819, dotCMS#37027, shields#12111)', () => {
  test('is not exceeded: ten pages are read, and the listing is not complete', async () => {
    fill(1300)

    const { claims, isComplete } = await client.read(name)

    expect(claims).toHaveLength(1000)
    expect(isComplete).toBe(false)
    expect(hub.requests.vendor).toBe(10)
    expect(hub.log.every(({ status }) => status === 200)).toBe(true)
  })

  test('ends the listing without an error, also if it is lower than documented', async () => {
    fill(900)
    const message = 'pagination offset too large for anonymous requests; sign in to page further'
    hub.hook = ({ query }) => (query.get('page') === '6' ? json(403, { message, errinfo: {} }) : undefined)

    const { claims, isComplete } = await client.read(name)

    expect(claims).toHaveLength(500)
    expect(isComplete).toBe(false)
  })

  test('does not apply with a login', async () => {
    await restart({ login: LOGIN }, { credentials: password(LOGIN.identifier, LOGIN.secret) })
    fill(1300)

    const { claims, isComplete } = await client.read(name)

    expect(claims).toHaveLength(1300)
    expect(isComplete).toBe(true)
    expect(hub.requests).toMatchObject({ vendor: 13, other: 1 })
  })
})

describe('POST /v2/auth/token', () => {
  const asSomebody = { credentials: password(LOGIN.identifier, LOGIN.secret) }

  test('is sent once in ten minutes, also for concurrent imports', async () => {
    await restart({ login: LOGIN }, asSomebody)
    fill(3)

    await Promise.all([client.read(name), client.read(name), client.read(name)])
    await client.read(name)
    expect(hub.requests).toMatchObject({ vendor: 4, other: 1 })

    client.client.clock.time += 10 * 60_000
    await client.read(name)
    expect(hub.requests).toMatchObject({ vendor: 5, other: 2 })
  })

  test('is repeated once when its token is refused', async () => {
    await restart({ login: LOGIN }, asSomebody)
    fill(3)
    await client.read(name)
    hub.reset()
    let refusals = 1
    hub.hook = ({ path }) =>
      path.endsWith('/tags') && refusals-- > 0 ? json(401, { message: 'token has expired' }) : undefined

    expect((await client.read(name)).claims).toHaveLength(3)
    expect(hub.log.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'GET 401',
      'POST 200',
      'GET 200',
    ])

    refusals = 2
    expect(await client.refusal(name)).toMatchObject({ reason: 'Unauthorized' })
    expect(hub.requests).toMatchObject({ vendor: 4, other: 2 })
  })

  test('is not repeated for an hour after a refusal, and the listing is read anonymously', async () => {
    await restart({ login: LOGIN }, { credentials: password('alice', 'an old password') })
    fill(3)

    await client.read(name)
    await client.read(name)

    expect(hub.requests).toMatchObject({ vendor: 2, other: 1 })
    expect(hub.log.flatMap(({ headers }) => headers.authorization ?? [])).toEqual([])
  })

  test('is not requested without a credential', async () => {
    fill(3)

    await client.read(name)

    expect(hub.requests.other).toBe(0)
  })

  test('without a token in the response is an odd shape, without secrets in the message', async () => {
    await restart({ login: LOGIN }, asSomebody)
    hub.hook = ({ path }) =>
      path === '/v2/auth/token' ? json(200, { access_token: `x\r\n${LOGIN.secret}` }) : undefined

    const error = await client.refusal(name)

    expect(error).toMatchObject({ vendor: 'Docker Hub', reason: 'InvalidListing' })
    expect(error.message).not.toContain(LOGIN.secret)
  })

  test('puts no secret into a message, also if its response repeats one', async () => {
    await restart({ login: LOGIN }, asSomebody)
    hub.hook = ({ path }) =>
      path === '/v2/auth/token' ? json(400, { message: `bad secret ${LOGIN.secret}` }) : undefined

    const error = await client.refusal(name)

    expect(error.message).toContain('bad secret')
    expect(error.message).not.toContain(LOGIN.secret)
  })
})

describe('unreliable digests', () => {
  test('a tag with a null digest is a claim without a digest', async () => {
    await restart({ withoutDigest: new Set(['1.0.1']) })
    fill(3)

    const { claims } = await client.read(name)

    expect(claims.map(({ tag, digest }) => [tag, digest === null])).toEqual([
      ['1.0.2', false],
      ['1.0.1', true],
      ['1.0.0', false],
    ])
  })

  test('an outdated listing, with older digests than before (renovate#46238), is returned unchanged: its reader confirms each digest', async () => {
    hub.push(REPOSITORY, 'latest', app)
    hub.world.freeze()
    hub.push(REPOSITORY, 'latest', both)

    const { claims } = await client.read(name)

    expect(claims.map(({ digest }) => digest)).toEqual([app.digest])
  })

  test('a response 200 with an empty page and a count of tags (hexpm/bob#282) is an odd shape', async () => {
    fill(3)
    hub.hook = () => json(200, { count: 3, next: null, previous: null, results: [] })

    expect(await client.refusal(name)).toMatchObject({
      reason: 'InvalidListing',
      message:
        'the listing of library/nginx by Docker Hub has an unexpected shape: it counts 3 tags and lists none',
    })
  })
})

test('a listing without tags is not complete', async () => {
  hub.push(REPOSITORY, null, app)

  expect(await client.read(name)).toMatchObject({ claims: [], isComplete: false })
})

test('a 429 stops requests to the API until the Unix time in X-Retry-After', async () => {
  await restart({ apiRequests: 2 })
  fill(500)

  const error = await client.refusal(name)
  expect(error).toMatchObject({ vendor: 'Docker Hub', reason: 'TooManyRequests' })
  expect(hub.requests.vendor).toBe(3)
  const [standing] = client.client.remote.hostStatuses()
  expect(standing?.accounts).toMatchObject([
    {
      breaker: { state: 'OPEN', nextAttemptAt: Math.ceil(hub.world.time / 1000) * 1000 + 60_000 },
      // X-RateLimit-Limit and X-RateLimit-Remaining
      budget: { limit: 2, remaining: 0 },
    },
  ])

  expect(await client.refusal(name)).toMatchObject({ reason: 'TooManyRequests' })
  expect(hub.requests.vendor).toBe(3)
})

test('an unknown repository is NotFound', async () => {
  expect(await client.refusal(`${hub.host}/library/nothing`)).toMatchObject({
    vendor: 'Docker Hub',
    reason: 'NotFound',
    code: 'VENDOR_LISTING',
  })
})
