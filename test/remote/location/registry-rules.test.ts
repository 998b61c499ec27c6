import { describe, expect, test } from 'vitest'
import type { Credentials } from '../../../src/remote/login/credentials.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startHttpProxy } from '../../fixtures/http-proxy.ts'
import { image } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../../fixtures/upstream.ts'
import { World } from '../../registry-config/world.ts'

// Receivers of credentials, and separate hints, when rules lead to other locations or change.

const one = image({ seed: 'rules' })
const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`

/** Credentials by registry: one for each, called after it. */
const byRegistry: Credentials = {
  find: async (registry) => ({
    id: registry,
    secret: { kind: 'password', username: 'me', password: `for ${registry}` },
  }),
}

/** Requires a login, and accepts any. */
const start = async (options: UpstreamOptions = {}): Promise<Upstream> => {
  const upstream = await startUpstream({
    hook: ({ headers }, response) =>
      headers.authorization
        ? response
        : { ...response, status: 401, headers: { 'www-authenticate': 'Basic realm="Registry Realm"' } },
    ...options,
  })
  upstream.push('team/app', 'latest', one)
  return upstream
}
const shownTo = ({ log }: Upstream) => new Set(log.flatMap(({ headers }) => headers.authorization ?? []))

describe('a credential', () => {
  test("is the location's own: mirror, location and registry receive only their own", async () => {
    await using origin = await start()
    await using mirror = await start()
    await using moved = await start()
    using world = new World()
    await using client = new TestClient({ rules: () => world.rules, credentials: byRegistry })
    world.set(origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })
    world.set('moved.example', { location: moved.host })
    mirror.untag('team/app', 'latest')

    for (const host of [origin.host, 'moved.example']) {
      await client.repository(`${host}/team/app`).resolveTag(tag('latest'), null)
    }

    expect(shownTo(mirror)).toEqual(new Set([basic(`for ${mirror.host}`)]))
    expect(shownTo(origin)).toEqual(new Set([basic(`for ${origin.host}`)]))
    expect(shownTo(moved)).toEqual(new Set([basic(`for ${moved.host}`)]))
  })

  test('that is tested is sent to the registry that it names, not to its location', async () => {
    await using origin = await start()
    await using moved = await start()
    using world = new World()
    await using client = new TestClient({ rules: () => world.rules })
    world.set(origin.host, { location: moved.host, mirrors: [{ location: moved.host, serves: 'ALL' }] })
    const credential = { id: 'x', secret: { kind: 'password', username: 'me', password: 'mine' } } as const
    const context = { insecure: false, lane: 'x', namespace: null, signal: new AbortController().signal }

    const place = { registry: origin.host, repository: 'team/app' }
    expect(await client.remote.checkLogin(place, credential, context)).toMatchObject({ outcome: 'ACCEPTED' })
    expect(shownTo(origin)).toEqual(new Set([basic('mine')]))
    expect(moved.log).toEqual([])
  })
})

describe('a token', () => {
  test('from one route is not sent by another: a changed configuration signs in again', async () => {
    await using proxy = await startHttpProxy()
    await using origin = await start({ hook: () => undefined, auth: { scheme: 'bearer' } })
    using world = new World()
    await using client = new TestClient({ rules: () => world.rules })
    const repository = client.repository(`${origin.host}/team/app`)
    const resolve = () => repository.resolveTag(tag('latest'), null)

    await resolve()
    await resolve()
    expect(origin.requests.token).toBe(1)
    world.set(origin.host, { proxy: { url: proxy.url } })
    await resolve()
    expect(origin.requests.token).toBe(2)
    expect(proxy.requests.some((line) => line.includes('/token'))).toBe(true)
    world.set(origin.host, { proxy: null })
    await resolve()
    expect(origin.requests.token).toBe(2)
  })
})

describe('hints from unverified requests', () => {
  test('are not used once the configuration requires verification', async () => {
    const authority = await createAuthority()
    await using origin = await start({ hook: () => undefined, tls: await authority.issue(['127.0.0.1']) })
    using world = new World()
    await using client = new TestClient({ rules: () => world.rules })
    const repository = client.repository(`${origin.host}/team/app`)
    world.set(origin.host, { insecure: true })
    await repository.resolveTag(tag('latest'), null)
    world.set(origin.host, { insecure: false })

    expect(await refusalOf(repository.resolveTag(tag('latest'), null))).toMatchObject({
      reason: 'RegistryUnavailable',
      message: expect.stringContaining('certificate'),
    })
    world.set(origin.host, { ca: authority.ca })
    expect((await repository.resolveTag(tag('latest'), null)).digest).toBe(one.digest)
  })
})

describe('two parts of one registry', () => {
  test('are connected to by their own routes', async () => {
    await using proxy = await startHttpProxy()
    await using origin = await start({ hook: () => undefined })
    origin.push('other/app', 'latest', one)
    using world = new World()
    await using client = new TestClient({ rules: () => world.rules })
    world.set(`${origin.host}/team`, { proxy: { url: proxy.url } })

    for (const name of ['team/app', 'other/app']) {
      await client.repository(`${origin.host}/${name}`).resolveTag(tag('latest'), null)
    }
    expect(proxy.requests.some((line) => line.includes('/v2/team/app/'))).toBe(true)
    expect(proxy.requests.some((line) => line.includes('/v2/other/app/'))).toBe(false)
  })
})
