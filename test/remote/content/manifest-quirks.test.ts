import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-types.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorResponse, stored, type UpstreamResponse } from '../../fixtures/upstream-response.ts'

// Behaviour of registries with manifests that the specification does not define, with a registry as an example of each.

const amd64 = image({ seed: 'amd64' })
const arm64 = image({ seed: 'arm64', platform: { os: 'linux', architecture: 'arm64' } })
const both = index([amd64, arm64])

async function start(hook?: Upstream['hook']) {
  const upstream = await startUpstream(hook ? { hook } : {})
  upstream.push('team/app', 'latest', both)
  upstream.push('team/app', 'single', amd64)
  const client = new TestClient()
  const repository = client.repository(`${upstream.host}/team/app`)
  return {
    ...{ upstream, client, repository },
    resolve: (name = 'latest') => repository.resolveTag(tag(name), null),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const acceptOf = (headers: Record<string, unknown>): string => String(headers.accept ?? '')
const ofManifests = ({ kind }: { kind: string }): boolean => kind === 'head' || kind === 'manifest'

describe('Accept', () => {
  test('names OCI index, Docker list, OCI manifest and Docker v2, for HEAD and GET', async () => {
    await using it = await start()
    await it.resolve()
    await it.repository.fetchManifest(amd64.digest)
    const manifests = it.upstream.log.filter(ofManifests)
    expect(manifests.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
    for (const { headers } of manifests) {
      expect(acceptOf(headers).split(', ')).toEqual([OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST])
    }
  })

  test('is always sent: without it, some registries respond with 400', async () => {
    await using it = await start((request) =>
      ofManifests(request) && acceptOf(request.headers) === ''
        ? errorResponse(400, 'MANIFEST_INVALID')
        : undefined,
    )
    expect((await it.resolve()).digest).toBe(both.digest)
    expect((await it.repository.fetchManifest(both.digest)).digest).toBe(both.digest)
  })

  test('contains the types of indexes: without them the digest may be that of the amd64 image (distribution-spec#207, distribution#2395)', async () => {
    await using it = await start((request) =>
      ofManifests(request) && !acceptOf(request.headers).includes(OCI_INDEX) ? stored(amd64) : undefined,
    )
    expect((await it.resolve()).digest).toBe(both.digest)
  })
})

describe('Accept-Encoding: identity (quay#1310)', () => {
  test('is sent with every request: a gzipped manifest would have no digest, or another one', async () => {
    await using it = await start((request, response): UpstreamResponse | undefined => {
      if (!ofManifests(request) || request.headers['accept-encoding'] === 'identity') return undefined
      const { 'docker-content-digest': _, ...headers } = response.headers
      return {
        ...response,
        headers: { ...headers, 'content-encoding': 'gzip' },
        body: gzipSync(response.body),
      }
    })
    expect(await it.resolve()).toEqual({ digest: both.digest })
    const { bytes } = await it.repository.fetchManifest(both.digest)
    expect(Buffer.from(bytes).equals(both.bytes)).toBe(true)
    for (const { headers } of it.upstream.log) expect(headers['accept-encoding']).toBe('identity')
  })
})

describe('If-None-Match', () => {
  test('with a 304 without Docker-Content-Digest, as distribution and Harbor send it, is unchanged', async () => {
    await using it = await start((_, response) => {
      const { 'docker-content-digest': _digest, ...headers } = response.headers
      return response.status === 304 ? { ...response, headers } : undefined
    })
    expect(await it.repository.resolveTag(tag('latest'), both.digest)).toEqual({ digest: both.digest })
    expect(it.upstream.log.map(({ method, status }) => [method, status])).toEqual([['HEAD', 304]])
  })

  test('may be ignored by a registry', async () => {
    await using it = await start(({ kind }) => (kind === 'head' ? stored(both) : undefined))
    expect(await it.repository.resolveTag(tag('latest'), both.digest)).toEqual({ digest: both.digest })
    expect(it.upstream.requests).toMatchObject({ head: 1, manifest: 0 })
  })
})

describe('a pull in place of a HEAD (watchtower#715, watchtower#1528, wud#179)', () => {
  test('does not happen when HEAD works: a hundred tags cost no GET', async () => {
    await using it = await start()
    for (let times = 0; times < 100; times += 1) await it.resolve()
    expect(it.upstream.requests).toMatchObject({ head: 100, manifest: 0 })
  })

  test('does not happen after a failed HEAD: 429 and 503 do not cause a pull', async () => {
    for (const status of [429, 503]) {
      await using it = await start(({ kind }) => (kind === 'head' ? errorResponse(status, 'NO') : undefined))
      await refusalOf(it.resolve())
      expect(it.upstream.requests.manifest).toBe(0)
    }
  })
})

describe('a manifest of schema 1', () => {
  const signed: UpstreamResponse = {
    status: 200,
    headers: {
      'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'docker-content-digest': amd64.digest,
    },
    body: '{"schemaVersion":1,"name":"app","fsLayers":[],"signatures":[]}',
  }

  test('is not requested; after a HEAD, the digest is that of the header', async () => {
    await using it = await start((request) => (ofManifests(request) ? signed : undefined))
    expect((await it.resolve()).digest).toBe(amd64.digest)
    expect(acceptOf(it.upstream.log[0]?.headers ?? {})).not.toContain('docker.distribution.manifest.v1+')
  })

  test('is reported as schema 1 when the registry sends it', async () => {
    await using it = await start((request) => (ofManifests(request) ? signed : undefined))
    expect(await refusalOf(it.repository.fetchManifest(amd64.digest))).toMatchObject({
      reason: 'InvalidManifest',
      message: expect.stringContaining('it is a Docker schema 1 manifest'),
    })
  })
})

describe('a retry', () => {
  test.each([400, 401, 403, 404, 405, 416, 501])('does not happen after a %d', async (status) => {
    await using it = await start(({ kind }) =>
      kind === 'manifest' ? errorResponse(status, 'NO') : undefined,
    )
    await it.resolve()
    await refusalOf(it.repository.fetchManifest(amd64.digest))
    expect(it.upstream.requests.manifest).toBe(1)
    expect(it.client.clock.sleeps).toEqual([])
  })

  test('of the same failure happens at random times', async () => {
    const sleeps = await Promise.all(
      [0, 0.25, 0.999].map(async (number) => {
        await using upstream = await startUpstream({ hook: () => errorResponse(502, 'NO') })
        await using client = new TestClient({ random: () => number })
        await refusalOf(client.repository(`${upstream.host}/team/app`).fetchManifest(amd64.digest))
        return client.clock.sleeps[0] ?? 0
      }),
    )
    expect(new Set(sleeps).size).toBe(3)
    for (const sleep of sleeps) {
      expect(sleep).toBeGreaterThanOrEqual(125)
      expect(sleep).toBeLessThanOrEqual(250)
    }
  })
})
