import { describe, expect, test } from 'vitest'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import type { UpstreamResponse } from '../../fixtures/upstream-response.ts'

const app = image({ seed: 'app' })
const newer = image({ seed: 'newer' })

async function start(hook?: Upstream['hook']) {
  const upstream = await startUpstream(hook ? { hook } : {})
  upstream.push('team/app', '1', app)
  upstream.push('team/app', '2', newer)
  const client = new TestClient()
  return {
    upstream,
    client,
    repository: client.repository(`${upstream.host}/team/app`),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const without = (response: UpstreamResponse, ...names: string[]): UpstreamResponse => ({
  ...response,
  headers: Object.fromEntries(Object.entries(response.headers).filter(([name]) => !names.includes(name))),
})
const failing = (status: number): UpstreamResponse => ({ status, headers: {}, body: '' })

describe('resolving a tag', () => {
  test('costs one HEAD', async () => {
    await using it = await start()
    expect(await it.repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
    expect(it.upstream.requests).toMatchObject({ head: 1, manifest: 0, base: 0, token: 0 })
  })

  test('returns the digest of an index, not of the manifest of one platform', async () => {
    await using it = await start()
    const both = index([app, newer])
    it.upstream.push('team/app', 'all', both)
    expect((await it.repository.resolveTag(tag('all'), null)).digest).toBe(both.digest)
  })

  test('sends If-None-Match with the known digest, which a 304 confirms', async () => {
    await using it = await start()
    expect(await it.repository.resolveTag(tag('1'), app.digest)).toEqual({ digest: app.digest })
    expect(it.upstream.log[0]).toMatchObject({ status: 304, headers: { 'if-none-match': `"${app.digest}"` } })
    expect(await it.repository.resolveTag(tag('2'), app.digest)).toEqual({ digest: newer.digest })
    expect(it.upstream.requests.head).toBe(2)
  })

  test.each<[string, (response: UpstreamResponse) => UpstreamResponse]>([
    [
      'has no Docker-Content-Digest (Red Hat, some ECR and Nexus; diun#594, distribution#3792)',
      (response) => without(response, 'docker-content-digest'),
    ],
    [
      'has a digest that is none',
      (response) => ({ ...response, headers: { ...response.headers, 'docker-content-digest': 'md5:1' } }),
    ],
    ['has no content type', (response) => without(response, 'content-type')],
    [
      'is a web page',
      (response) => ({ ...response, headers: { ...response.headers, 'content-type': 'text/html' } }),
    ],
    ['responds with 400', () => failing(400)],
    ['responds with 404', () => failing(404)],
    ['responds with 405', () => failing(405)],
    ['responds with 501', () => failing(501)],
    ['responds with 304 without If-None-Match', () => failing(304)],
  ])('uses one GET when HEAD %s, and GET alone from then on', async (_, change) => {
    await using it = await start(({ kind }, response) => (kind === 'head' ? change(response) : undefined))
    const resolved = await it.repository.resolveTag(tag('1'), null)
    expect(resolved.digest).toBe(app.digest)
    expect(Buffer.from(resolved.manifest?.bytes ?? []).equals(app.bytes)).toBe(true)
    expect(resolved.manifest?.contentType).toBe(app.mediaType)
    await it.repository.resolveTag(tag('2'), null)
    expect(it.upstream.requests).toMatchObject({ head: 1, manifest: 2 })
    // a GET has If-None-Match too
    expect(await it.repository.resolveTag(tag('2'), newer.digest)).toEqual({ digest: newer.digest })
    expect(it.upstream.log.at(-1)?.status).toBe(304)
  })

  test('tries HEAD again after an hour', async () => {
    let repaired = false
    await using it = await start(({ kind }) => (kind === 'head' && !repaired ? failing(405) : undefined))
    await it.repository.resolveTag(tag('1'), null)
    repaired = true
    it.client.clock.time += 3_600_001
    expect(await it.repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
  })

  test('by HEAD concerns one repository: another one of the host may be served by software without it', async () => {
    await using it = await start(({ kind, repository }) =>
      kind === 'head' && repository === 'team/headless' ? failing(404) : undefined,
    )
    it.upstream.push('team/headless', '1', app)
    const headless = it.client.repository(`${it.upstream.host}/team/headless`)
    for (const _ of [1, 2]) {
      expect((await headless.resolveTag(tag('1'), null)).digest).toBe(app.digest)
      expect(await it.repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
    }
    expect(it.upstream.requests).toMatchObject({ head: 3, manifest: 2 })
  })

  test('by HEAD is used again after a web page in place of the registry', async () => {
    let isPortal = true
    await using it = await start(() =>
      isPortal ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' } : undefined,
    )
    await refusalOf(it.repository.resolveTag(tag('1'), null))
    isPortal = false
    expect(await it.repository.resolveTag(tag('1'), null)).toEqual({ digest: app.digest })
  })

  test('by HEAD is no longer trusted for a 404 an hour after it worked', async () => {
    let isSupported = true
    await using it = await start(({ kind }) => (kind === 'head' && !isSupported ? failing(404) : undefined))
    await it.repository.resolveTag(tag('1'), null)
    isSupported = false
    it.client.clock.time += 3_600_001
    expect((await it.repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
  })

  test('of a missing one is NotFound, after one HEAD where HEAD is known to work', async () => {
    await using it = await start()
    await it.repository.resolveTag(tag('1'), null)
    const refused = await refusalOf(it.repository.resolveTag(tag('nope'), null))
    expect(refused).toMatchObject({ reason: 'NotFound', status: 404 })
    expect(refused.message).toBe(
      `${it.upstream.host} does not have the tag "nope" of team/app: it responded with 404`,
    )
    expect(it.upstream.requests).toMatchObject({ head: 2, manifest: 0 })
  })

  test('by GET computes the digest; a different header is a warning, not a failure ("so many registries implement this incorrectly", ggcr)', async () => {
    await using it = await start(({ kind }, response) => {
      if (kind === 'head') return failing(405)
      return { ...response, headers: { ...response.headers, 'docker-content-digest': newer.digest } }
    })
    expect((await it.repository.resolveTag(tag('1'), null)).digest).toBe(app.digest)
    expect(it.client.warnings.map(({ message }) => message)).toEqual([
      `its Docker-Content-Digest for the tag "1" is ${newer.digest}, but the manifest's digest is ${app.digest}`,
    ])
  })

  test("by GET uses the registry's digest algorithm", async () => {
    const sha512 = digestOf(app.bytes, 'sha512')
    await using it = await start(({ kind }, response) =>
      kind === 'head'
        ? failing(405)
        : { ...response, headers: { ...response.headers, 'docker-content-digest': sha512 } },
    )
    expect((await it.repository.resolveTag(tag('1'), null)).digest).toBe(sha512)
  })

  test.each<[string, Partial<UpstreamResponse>, string]>([
    [
      'a web page',
      { headers: { 'content-type': 'text/html' }, body: '<html>' },
      'it is a web page, not a manifest',
    ],
    ['half a manifest', { body: app.bytes.subarray(0, 100) }, 'it is not JSON, or was cut off'],
    ['a list', { body: '[]' }, 'it is not a JSON object'],
    ['a schema 1 manifest', { body: '{"schemaVersion":1}' }, 'it is a Docker schema 1 manifest'],
    [
      'a schema1-signed manifest',
      {
        headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
        body: '{"schemaVersion":1,"signatures":[]}',
      },
      'it is a Docker schema 1 manifest',
    ],
  ])('to %s is InvalidManifest', async (_, change, why) => {
    await using it = await start(({ kind }, response) =>
      kind === 'head' ? failing(405) : { ...without(response, 'content-length'), ...change },
    )
    const refused = await refusalOf(it.repository.resolveTag(tag('1'), null))
    expect(refused.reason).toBe('InvalidManifest')
    expect(refused.message).toContain(`cannot read the tag "1" of team/app from ${it.upstream.host}: ${why}`)
  })
})

describe('fetching a manifest', () => {
  test('returns its exact bytes', async () => {
    await using it = await start()
    const manifest = await it.repository.fetchManifest(app.digest)
    expect(Buffer.from(manifest.bytes).equals(app.bytes)).toBe(true)
    expect(manifest).toMatchObject({ digest: app.digest, contentType: app.mediaType })
  })

  test('verifies sha512 like sha256', async () => {
    const sha512 = digestOf(app.bytes, 'sha512')
    await using it = await start()
    it.upstream.push('team/app', null, { ...app, digest: sha512 })
    expect((await it.repository.fetchManifest(sha512)).digest).toBe(sha512)
    it.upstream.push('team/app', null, { ...app, digest: digestOf(newer.bytes, 'sha512') })
    const refused = await refusalOf(it.repository.fetchManifest(digestOf(newer.bytes, 'sha512')))
    expect(refused.reason).toBe('InvalidManifest')
  })

  test('with another digest is InvalidManifest', async () => {
    await using it = await start(() => ({ status: 200, headers: {}, body: newer.bytes }))
    const refused = await refusalOf(it.repository.fetchManifest(app.digest))
    expect(refused.reason).toBe('InvalidManifest')
    expect(refused.message).toBe(
      `cannot read the manifest ${app.digest} of team/app from ${it.upstream.host}: the response has a different digest`,
    )
  })

  test('of a deleted one is NotFound', async () => {
    await using it = await start()
    const refused = await refusalOf(it.repository.fetchManifest(`sha256:${'0'.repeat(64)}` as Digest))
    expect(refused.reason).toBe('NotFound')
  })

  test('larger than 4 MiB is InvalidManifest', async () => {
    const bytes = Buffer.concat([app.bytes, Buffer.alloc(4 * 1024 * 1024, ' ')])
    await using it = await start(() => ({ status: 200, headers: {}, body: bytes }))
    const refused = await refusalOf(it.repository.fetchManifest(digestOf(bytes)))
    expect(refused.reason).toBe('InvalidManifest')
    expect(refused.message).toContain('the response is larger than 4194304 bytes')
  })
})

describe('fetching a config', () => {
  const descriptor = {
    mediaType: 'application/json',
    digest: app.config.digest,
    size: app.config.bytes.length,
    annotations: {},
  }

  test('returns its exact bytes', async () => {
    await using it = await start()
    expect(Buffer.from(await it.repository.fetchConfig(descriptor)).equals(app.config.bytes)).toBe(true)
  })

  test("reads no more than its descriptor's size", async () => {
    await using it = await start()
    const refused = await refusalOf(it.repository.fetchConfig({ ...descriptor, size: 10 }))
    expect(refused.reason).toBe('InvalidManifest')
    expect(refused.message).toContain('the response is larger than 10 bytes')
  })

  test('requests none that is larger than 8 MiB', async () => {
    await using it = await start()
    const size = 8 * 1024 * 1024 + 1
    expect((await refusalOf(it.repository.fetchConfig({ ...descriptor, size }))).reason).toBe(
      'InvalidManifest',
    )
    expect(it.upstream.requests.blob).toBe(0)
  })

  test('with another digest is InvalidManifest, and of a deleted one NotFound', async () => {
    await using it = await start()
    it.upstream.hook = ({ kind }) => (kind === 'blob' ? { status: 200, headers: {}, body: '{}' } : undefined)
    expect((await refusalOf(it.repository.fetchConfig(descriptor))).reason).toBe('InvalidManifest')
    it.upstream.hook = undefined
    it.upstream.remove('team/app', app.config.digest)
    expect((await refusalOf(it.repository.fetchConfig(descriptor))).reason).toBe('NotFound')
  })

  test('never requests the urls of a descriptor', async () => {
    await using it = await start()
    const urls = ['http://10.0.0.1/config']
    await it.repository.fetchConfig(Object.assign({}, descriptor, { urls }))
    expect(it.upstream.requests.blob).toBe(1)
  })
})

describe('confirming a manifest', () => {
  test('costs one HEAD', async () => {
    await using it = await start()
    await it.repository.confirmManifest(app.digest)
    expect(it.upstream.requests).toMatchObject({ head: 1, manifest: 0 })
  })

  test('costs one GET where HEAD returns no digest', async () => {
    await using it = await start(({ kind }, response) =>
      kind === 'head' ? without(response, 'docker-content-digest') : undefined,
    )
    await it.repository.confirmManifest(app.digest)
    expect(it.upstream.requests).toMatchObject({ head: 1, manifest: 1 })
  })

  test('fails as NotFound where the repository does not have it', async () => {
    await using it = await start()
    const missing = image({ seed: 'missing' }).digest
    await expect(it.repository.confirmManifest(missing)).rejects.toMatchObject({ reason: 'NotFound' })
  })
})
