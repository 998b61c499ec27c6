import { describe, expect, test } from 'vitest'
import { tagOfReferrers } from '../../../src/oci/tag.ts'
import type { ConfigurationInput } from '../../../src/registry-config/configuration-input.ts'
import { closedPort } from '../../fixtures/hostile-registry.ts'
import { type Image, image } from '../../fixtures/random-image.ts'
import {
  allTags,
  refusalOf,
  TestClient,
  type TestClientOptions,
  tag,
} from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../../fixtures/upstream.ts'
import { World } from '../../registry-config/world.ts'

const one = image({ seed: 'mirrors one' })
const two = image({ seed: 'mirrors two' })
const other = Buffer.from('other bytes')

/** A client with a configuration that tests change. */
function open(options: TestClientOptions = {}) {
  const world = new World()
  const client = new TestClient({
    rules: () => world.rules,
    limitsOf: (host) => world.rules.limitsOf(host),
    ...options,
  })
  return {
    world,
    client,
    configure: (prefix: string, input: ConfigurationInput) => world.set(prefix, input),
    repository: client.repository.bind(client),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      world[Symbol.dispose]()
    },
  }
}

async function start(content: Image | null, options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream = await startUpstream(options)
  if (content) upstream.push('team/app', 'latest', content)
  return upstream
}

const kinds = ({ log }: Upstream) => log.map(({ kind }) => kind)
const refusing = (status: number): UpstreamOptions => ({
  hook: ({ kind }) => (kind === 'base' ? undefined : { status, headers: {}, body: Buffer.from('{}') }),
})
const bytesOf = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('content by its digest', () => {
  test('is requested from the mirrors in order, then from the registry', async () => {
    await using origin = await start(one)
    await using empty = await start(null)
    await using full = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: empty.host }, { location: full.host }] })

    const repository = it.repository(`${origin.host}/team/app`)
    expect((await repository.fetchManifest(one.digest)).bytes).toEqual(one.bytes)
    expect(kinds(empty)).toEqual(['manifest'])
    expect(kinds(full)).toEqual(['manifest'])
    expect(kinds(origin)).toEqual([])
  })

  test.each([401, 403, 404, 429, 500])(
    'is requested from the next location after a response %i',
    async (status) => {
      await using origin = await start(one)
      await using mirror = await start(one, refusing(status))
      await using it = open()
      it.configure(origin.host, { mirrors: [{ location: mirror.host }] })

      const repository = it.repository(`${origin.host}/team/app`)
      expect((await repository.fetchManifest(one.digest)).bytes).toEqual(one.bytes)
      expect(await repository.fetchConfig(one.config as never)).toEqual(one.config.bytes)
      expect(kinds(mirror).length).toBeGreaterThan(0)
    },
  )

  test('is requested from the next location when a mirror is unreachable or forbidden', async () => {
    await using origin = await start(one)
    await using it = open()
    it.configure(origin.host, {
      mirrors: [
        { location: await closedPort() },
        { location: '169.254.169.254' },
        { location: '10.0.0.1:5000/x' },
      ],
    })

    const { bytes } = await it.repository(`${origin.host}/team/app`).fetchManifest(one.digest)
    expect(bytes).toEqual(one.bytes)
  })

  test('is verified: after another digest the next location is used, with a warning', async () => {
    await using origin = await start(one)
    await using mirror = await start(one, {
      hook: ({ kind }, response) => (kind === 'manifest' ? { ...response, body: two.bytes } : undefined),
    })
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host }] })

    const { bytes } = await it.repository(`${origin.host}/team/app`).fetchManifest(one.digest)
    expect(bytes).toEqual(one.bytes)
    expect(it.client.warnings).toEqual([
      {
        registry: mirror.host,
        repository: 'team/app',
        message: expect.stringContaining('a different digest'),
      },
    ])
  })

  test('is not requested from a mirror for tags', async () => {
    await using origin = await start(one)
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'TAGS' }] })

    await it.repository(`${origin.host}/team/app`).fetchManifest(one.digest)
    expect(kinds(mirror)).toEqual([])
  })

  test('that is at no location is reported with the error of each', async () => {
    await using origin = await start(null)
    await using mirror = await start(null, refusing(503))
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: `${mirror.host}/cache` }] })

    const error = await refusalOf(it.repository(`${origin.host}/team/app`).fetchManifest(one.digest))
    expect(error).toMatchObject({ reason: 'NotFound', registry: origin.host, status: 404 })
    expect(error.message).toContain(
      `(its mirrors failed too: ${mirror.host}/cache/team/app (RegistryUnavailable))`,
    )
  })
})

describe('a blob of a mirror', () => {
  const [layer] = one.layers
  if (!layer) throw new Error('an image without layers')
  const descriptor = { digest: layer.digest, size: layer.bytes.byteLength }

  test('is verified while it streams: the last of wrong bytes is withheld, and the next request uses another location', async () => {
    await using origin = await start(one)
    await using mirror = await start(one, {
      hook: ({ kind }, response) =>
        kind === 'blob' ? { ...response, body: Buffer.alloc(descriptor.size, 'x') } : undefined,
    })
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host }] })
    const repository = it.repository(`${origin.host}/team/app`)

    const wrong = await repository.fetchBlob(descriptor)
    await expect(bytesOf(wrong)).rejects.toThrow(
      `${mirror.host}/team/app sent bytes that do not have the digest ${layer.digest}`,
    )
    expect(await bytesOf(await repository.fetchBlob(descriptor))).toEqual(layer.bytes)
    expect(kinds(mirror)).toEqual(['blob'])
    expect(kinds(origin)).toEqual(['blob'])
  })

  test('is requested from a mirror that sent wrong bytes once more when the registry is unavailable, not when it has none', async () => {
    await using origin = await start(one)
    let isRepaired = false
    await using mirror = await start(one, {
      hook: ({ kind }, response) =>
        kind === 'blob' && !isRepaired
          ? { ...response, body: Buffer.alloc(descriptor.size, 'x') }
          : undefined,
    })
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host }] })
    const repository = it.repository(`${origin.host}/team/app`)
    await expect(bytesOf(await repository.fetchBlob(descriptor))).rejects.toThrow('do not have the digest')
    isRepaired = true

    origin.hook = refusing(404).hook
    expect(await refusalOf(repository.fetchBlob(descriptor))).toMatchObject({ reason: 'NotFound' })
    origin.hook = refusing(503).hook
    expect(await bytesOf(await repository.fetchBlob(descriptor))).toEqual(layer.bytes)
  })

  test('is complete when the digest is right', async () => {
    await using origin = await start(null)
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host }] })
    const repository = it.repository(`${origin.host}/team/app`)

    expect(await bytesOf(await repository.fetchBlob(descriptor))).toEqual(layer.bytes)
    expect(kinds(origin)).toEqual([])
  })

  test('is closed when the reader closes it', async () => {
    await using origin = await start(one)
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host }] })
    const repository = it.repository(`${origin.host}/team/app`)

    const blob = await repository.fetchBlob(descriptor)
    blob.destroy()
    await expect(bytesOf(await repository.fetchBlob(descriptor))).resolves.toEqual(layer.bytes)
    // the mirror did not fail
    expect(kinds(mirror)).toEqual(['blob', 'blob'])
    expect(kinds(origin)).toEqual([])
  })
})

describe('the image that a tag points to', () => {
  test('is read from the registry, unless there is a mirror for tags', async () => {
    await using origin = await start(one)
    await using mirror = await start(two)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host }] })
    const repository = it.repository(`${origin.host}/team/app`)

    expect((await repository.resolveTag(tag('latest'), null)).digest).toBe(one.digest)
    expect(kinds(mirror)).toEqual([])
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'TAGS' }] })
    expect((await repository.resolveTag(tag('latest'), null)).digest).toBe(two.digest)
  })

  test('is read from the registry when the mirror does not have the tag', async () => {
    await using origin = await start(one)
    await using mirror = await start(null)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })

    const { digest } = await it.repository(`${origin.host}/team/app`).resolveTag(tag('latest'), null)
    expect(digest).toBe(one.digest)
  })
})

describe('a list of tags', () => {
  test('is read from the registry: a mirror with fewer tags does not make tags disappear', async () => {
    await using origin = await start(one)
    origin.push('team/app', 'v1', one)
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })

    expect(await allTags(it.repository(`${origin.host}/team/app`))).toEqual(['latest', 'v1'])
    expect(kinds(mirror)).toEqual([])
  })

  test('is read from a mirror for tags while the registry is unreachable', async () => {
    await using origin = await start(one, refusing(503))
    await using contents = await start(two)
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, {
      mirrors: [{ location: contents.host }, { location: mirror.host, serves: 'TAGS' }],
    })

    expect(await allTags(it.repository(`${origin.host}/team/app`))).toEqual(['latest'])
    expect(kinds(contents)).toEqual([])
  })

  test.each([401, 403, 404])('is read from no mirror after a response %i of the registry', async (status) => {
    await using origin = await start(one, refusing(status))
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })

    await refusalOf(allTags(it.repository(`${origin.host}/team/app`)))
    expect(kinds(mirror)).toEqual([])
  })
})

describe('the referrers of an image', () => {
  const signature = tagOfReferrers(one.digest, '.sig')

  test('are read from the registry, and from no mirror while it responds', async () => {
    await using origin = await start(one)
    await using mirror = await start(one)
    mirror.push('team/app', signature, two)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })
    const repository = it.repository(`${origin.host}/team/app`)

    expect(await repository.listReferrers(one.digest, null)).toMatchObject({ isComplete: true })
    expect(await repository.digestOfTag(signature)).toBeNull()
    expect(kinds(mirror)).toEqual([])
  })

  test('are read from a mirror while the registry is unreachable, as an incomplete list', async () => {
    await using origin = await start(one, refusing(503))
    await using mirror = await start(one)
    await using it = open()
    it.configure(origin.host, { mirrors: [{ location: mirror.host, serves: 'ALL' }] })
    const repository = it.repository(`${origin.host}/team/app`)

    expect(await repository.listReferrers(one.digest, null)).toMatchObject({
      descriptors: [],
      isComplete: false,
    })
    expect(await refusalOf(repository.digestOfTag(signature))).toMatchObject({
      reason: 'RegistryUnavailable',
    })
    mirror.push('team/app', signature, two)
    expect(await repository.digestOfTag(signature)).toBe(two.digest)
  })
})

describe('insecure', () => {
  test('applies to the registry of the reference, and to no mirror or location', async () => {
    await using plain = await start(one)
    const port = plain.host.split(':')[1]
    await using it = open({ egress: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] } })
    it.configure('moved.example', { location: `there.example:${port}` })
    const insecure = { insecure: true }
    const resolveLatest = (name: string) => it.repository(name, insecure).resolveTag(tag('latest'), null)

    expect((await resolveLatest(`named.example:${port}/team/app`)).digest).toBe(one.digest)
    expect(await refusalOf(resolveLatest('moved.example/team/app'))).toMatchObject({
      reason: 'RegistryUnavailable',
    })
    it.configure('moved.example', { insecure: true })
    expect((await resolveLatest('moved.example/team/app')).digest).toBe(one.digest)
  })
})

describe('repositories of a registry', () => {
  const all = async (pages: AsyncIterable<readonly string[]>) => {
    const names: string[] = []
    for await (const page of pages) names.push(...page)
    return names
  }
  const context = { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal }

  test("are those below its location, without the location's prefix", async () => {
    const names = ['other/app', 'cache/team/app', 'cached/x', 'cache/lib']
    const body = Buffer.from(JSON.stringify({ repositories: names }))
    await using there = await start(null, {
      hook: ({ path }) => (path.startsWith('/v2/_catalog') ? { status: 200, headers: {}, body } : undefined),
    })
    await using it = open()
    it.configure('old.example', { location: `${there.host}/cache` })

    expect(await all(it.client.remote.repositories('old.example', context))).toEqual(['team/app', 'lib'])
    expect(await all(it.client.remote.repositories(there.host, context))).toEqual(names)
  })

  test('are not requested when the registry is blocked', async () => {
    await using there = await start(null)
    await using it = open()
    it.configure(there.host, { access: 'BLOCKED' })

    expect(await refusalOf(all(it.client.remote.repositories(there.host, context)))).toMatchObject({
      reason: 'Blocked',
    })
    expect(there.log).toEqual([])
  })
})

describe('a changed configuration', () => {
  test('closes circuits after failures, but not after requested pauses', async () => {
    await using origin = await start(one)
    await using it = open()
    const repository = it.repository(`${origin.host}/team/app`)
    const resolveLatest = () => repository.resolveTag(tag('latest'), null)
    origin.hook = () => 'reset'
    for (let n = 0; n < 10; n += 1) await refusalOf(resolveLatest())
    origin.hook = undefined
    origin.reset()
    await refusalOf(resolveLatest())
    expect(origin.log).toEqual([])

    it.client.remote.forgetFailures()
    expect((await resolveLatest()).digest).toBe(one.digest)

    const wait = { status: 503, headers: { 'retry-after': '3000' }, body: other }
    origin.hook = () => wait
    await refusalOf(resolveLatest())
    origin.reset()
    it.client.remote.forgetFailures()
    await refusalOf(resolveLatest())
    expect(origin.log).toEqual([])
  })
})
