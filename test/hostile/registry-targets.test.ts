import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { RegistryError } from '../../src/oci/registry-error.ts'
import { createVendorListings } from '../../src/vendors/listings.ts'
import { startHttpProxy } from '../fixtures/http-proxy.ts'
import { image } from '../fixtures/random-image.ts'
import { allTags, password, TestClient, tag } from '../fixtures/registry-client.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { World } from '../registry-config/world.ts'

// Each URL that a user, an operator or a registry passes to this server has a host name, and the name resolves to an address
// that this server may not connect to: always, or only from the second lookup on.

const INSIDE = 'inside.example'
// a forbidden address that reaches this machine, so that the test would notice a connection
const FORBIDDEN = '0.0.0.0'
const one = image({ seed: 'targets' })

/** Starts a server that must not be reached; counts its connections. */
async function startInside() {
  let connections = 0
  const server = createServer((_, response) => {
    response.writeHead(404, { connection: 'close' }).end()
  })
  server.on('connect', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
  server.on('connection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    /** Host and port as URLs name the server. */
    host: `${INSIDE}:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

interface Scene {
  readonly upstream: Upstream
  /** `inside.example:port`. */
  readonly inside: string
  readonly world: World
  readonly client: TestClient
}

const repository = ({ client }: Scene, name: string) =>
  client.repository(`${name}/team/app`, { insecure: true })
const redirecting = ({ inside, upstream }: Scene, kind: string): void => {
  upstream.hook = (request) =>
    request.kind === kind
      ? { status: 307, headers: { location: `http://${inside}/there` }, body: Buffer.alloc(0) }
      : undefined
}

/** Each passed URL, with a request that uses it. */
const TARGETS: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'the host of a repository': (scene) => repository(scene, scene.inside).resolveTag(tag('latest'), null),
  'the realm of a registry': (scene) => {
    scene.upstream.hook = ({ headers }) =>
      headers.authorization === undefined
        ? {
            status: 401,
            headers: { 'www-authenticate': `Bearer realm="http://${scene.inside}/token",service="x"` },
            body: Buffer.alloc(0),
          }
        : undefined
    return repository(scene, scene.upstream.host).resolveTag(tag('latest'), null)
  },
  'the Location of a manifest': (scene) => {
    redirecting(scene, 'manifest')
    return repository(scene, scene.upstream.host).fetchManifest(one.digest)
  },
  'the Location of a blob': (scene) => {
    redirecting(scene, 'blob')
    return repository(scene, scene.upstream.host).fetchBlob({ digest: one.config.digest, size: 10 })
  },
  'a mirror': async (scene) => {
    const mirrors = [{ location: scene.inside, insecure: true, serves: 'ALL' as const }]
    scene.world.set(scene.upstream.host, { mirrors })
    const { digest } = await repository(scene, scene.upstream.host).resolveTag(tag('latest'), null)
    // tags that the mirror does not resolve is read from the registry
    if (digest === one.digest) throw forbidden
  },
  'a location': (scene) => {
    scene.world.set('moved.example', { location: scene.inside, insecure: true })
    return repository(scene, 'moved.example').resolveTag(tag('latest'), null)
  },
  'a proxy': (scene) => {
    scene.world.set(scene.upstream.host, { proxy: { url: `http://${scene.inside}` } })
    return repository(scene, scene.upstream.host).resolveTag(tag('latest'), null)
  },
  'the API address of a vendor': async (scene) => {
    const { upstream, world, client } = scene
    world.set(upstream.host, { vendor: 'QUAY', apiUrl: `https://${scene.inside}` })
    const listings = createVendorListings({
      remote: client.remote,
      configurationOf: (registry, name) => world.rules.vendorOf(registry, name),
    })
    const context = { insecure: false, lane: 'x', namespace: null, signal: new AbortController().signal }
    const listing = await listings.listingOf({ registry: upstream.host, repository: 'team/app' }, context)
    if (!listing) throw new Error('the vendor has no listing')
    for await (const _ of listing.pages()) expect.fail('the listing has a page')
  },
}
const forbidden = new RegistryError('', { reason: 'ForbiddenTarget', registry: '' })

/** Runs a request while the name resolves to these addresses, the last of them from then on. */
async function runScene(
  send: (scene: Scene) => Promise<unknown>,
  addresses: readonly string[],
  times: number,
) {
  await using inside = await startInside()
  await using upstream = await startUpstream()
  upstream.push('team/app', 'latest', one)
  using world = new World()
  let lookups = 0
  const resolve = async (hostname: string) => {
    if (hostname !== INSIDE) throw Object.assign(new Error(), { code: 'ENOTFOUND' })
    const address = addresses[Math.min(lookups++, addresses.length - 1)] ?? ''
    return address.split(' ').map((one) => ({ address: one, family: 4 }))
  }
  await using client = new TestClient({
    rules: () => world.rules,
    credentials: password('me', 'canary'),
    egress: { resolve, timeouts: { connect: 2000 } },
  })
  const reasons: unknown[] = []
  for (let n = 0; n < times; n += 1) {
    const failed = await send({ upstream, inside: inside.host, world, client }).then(
      () => expect.fail('the request succeeded'),
      (error: unknown) => error as RegistryError,
    )
    reasons.push(failed.reason)
    expect(failed.message).not.toContain('canary')
    expect(failed.message).not.toMatch(/0\.0\.0\.0|10\.0\.0\.1/)
  }
  return { connections: inside.connections, lookups, reasons }
}

describe.each(Object.keys(TARGETS))('%s', (target) => {
  const send = TARGETS[target] ?? expect.fail('the target is unknown')

  test('is not connected to if its name resolves to a forbidden address: resolved IPs are checked too (ggcr does not)', async () => {
    const { connections, lookups, reasons } = await runScene(send, [FORBIDDEN], 1)
    expect(lookups).toBeGreaterThan(0)
    expect(connections).toBe(0)
    expect(reasons).toEqual(['ForbiddenTarget'])
  })

  test('is not connected to if one of its addresses is forbidden', async () => {
    const { connections, reasons } = await runScene(send, [`127.0.0.1 ${FORBIDDEN}`, `10.0.0.1 127.0.0.1`], 2)
    expect(connections).toBe(0)
    expect(reasons).toEqual(['ForbiddenTarget', 'ForbiddenTarget'])
  })

  test('is not connected to as soon as its name resolves to a forbidden address', async () => {
    const { connections, lookups, reasons } = await runScene(send, ['127.0.0.1', FORBIDDEN], 3)
    // each connection uses the address that was resolved for it
    expect(connections).toBe(1)
    expect(lookups).toBeGreaterThan(1)
    expect(reasons.slice(1)).toEqual(['ForbiddenTarget', 'ForbiddenTarget'])
  })
})

describe('the Link of a list', () => {
  test('is not followed to another host: only its query is used', async () => {
    await using inside = await startInside()
    await using upstream = await startUpstream({ pageSize: 1 })
    for (const name of ['a', 'b', 'c']) upstream.push('team/app', name, one)
    upstream.hook = ({ kind, query }, response) =>
      kind === 'listing' && query.get('last') !== 'b'
        ? {
            ...response,
            headers: {
              ...response.headers,
              link: `<http://${inside.host}/v2/team/app/tags/list?n=1&last=${query.get('last') === 'a' ? 'b' : 'a'}>; rel="next"`,
            },
          }
        : undefined
    await using client = new TestClient({
      egress: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    })

    expect(await allTags(client.repository(`${upstream.host}/team/app`))).toEqual(['a', 'b', 'c'])
    expect(inside.connections).toBe(0)
  })
})

describe('through a proxy', () => {
  test.each(['Location', 'repository'])('no %s with a forbidden address is requested', async (target) => {
    await using proxy = await startHttpProxy()
    await using upstream = await startUpstream()
    upstream.push('team/app', 'latest', one)
    using world = new World()
    await using client = new TestClient({
      rules: () => world.rules,
      egress: { resolve: async () => [{ address: '10.0.0.1', family: 4 }] },
    })
    const scene = { upstream, inside: `${INSIDE}:80`, world, client }
    const host = target === 'Location' ? upstream.host : INSIDE
    world.set(host, { proxy: { url: proxy.url }, insecure: true })
    if (target === 'Location') redirecting(scene, 'manifest')

    await expect(repository(scene, host).fetchManifest(one.digest)).rejects.toMatchObject({
      reason: 'ForbiddenTarget',
    })
    expect(proxy.requests.join()).not.toContain(INSIDE)
  })
})

describe('a host that a configuration blocks', () => {
  test.each([
    ['a token server', 'the realm of a registry'],
    ['where a manifest is', 'the Location of a manifest'],
    ['a mirror', 'a mirror'],
    ['a location', 'a location'],
  ])('is not reached as %s', async (_, target) => {
    await using inside = await startInside()
    await using upstream = await startUpstream()
    upstream.push('team/app', 'latest', one)
    using world = new World()
    world.set(INSIDE, { access: 'BLOCKED' })
    let lookups = 0
    const resolve = async () => {
      lookups += 1
      return [{ address: '127.0.0.1', family: 4 }]
    }
    await using client = new TestClient({ rules: () => world.rules, egress: { resolve } })
    const scene = { upstream, inside: inside.host, world, client }

    const failed = await (TARGETS[target] ?? expect.fail())(scene).catch((error: RegistryError) => error)
    if (target !== 'a mirror') expect(failed).toMatchObject({ reason: 'Blocked' })
    expect(inside.connections).toBe(0)
    expect(lookups).toBe(0)
  })
})
