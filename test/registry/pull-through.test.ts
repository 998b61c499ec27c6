import { describe, expect, expectTypeOf, test } from 'vitest'
import type { OpenBlob } from '../../src/blobs/open-blob.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { BlobContent } from '../../src/registry/pull-through/pull-through.ts'
import { type Image, image, index, type Layer } from '../fixtures/random-image.ts'
import { seededBytes } from '../fixtures/seed.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { Download } from './download.ts'
import { startHeldRegistry } from './held-registry.ts'
import { openPullWorld, type PullWorld } from './pull-through-world.ts'

const MIB = 1024 * 1024

/** A layer that does not fit into the buffers of the connections. */
const largeLayer = (size = 8 * MIB): Layer => {
  const bytes = seededBytes('large layer', size)
  const digest = digestOf(bytes)
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, bytes, diffId: digest }
}
const large = largeLayer()
const app = image({ seed: 'app', layers: [large] })

async function start(content: Image = app, stream = 'web') {
  const upstream = await startUpstream()
  const it = await openPullWorld()
  const from = `${upstream.host}/team/app`
  upstream.push('team/app', 'v1', content)
  await it.importTag({ from, content, stream })
  await it.get(`/v2/shop/${stream}/manifests/v1`)
  return {
    ...it,
    upstream,
    from,
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** A registry that withholds the second half of the layer. */
async function startHeld() {
  const source = await startHeldRegistry(large)
  const it = await openPullWorld()
  const from = `${source.host}/team/app`
  await it.importTag({ from, content: app })
  await it.get('/v2/shop/web/manifests/v1')
  const url = (stream = 'web') => `${it.url}/v2/shop/${stream}/blobs/${large.digest}`
  return {
    ...it,
    source,
    from,
    download: (headers?: Record<string, string>, stream?: string) => new Download(url(stream), headers),
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]()
      await source[Symbol.asyncDispose]()
    },
  }
}

const stored = (it: PullWorld) => {
  const { blobs, repository_blobs: links } = it.domain.dump()
  return { blobs: blobs?.length, links: links?.length }
}

test('the content of a stored blob has the type of pulled-through content', () => {
  expectTypeOf<OpenBlob>().toExtend<BlobContent>()
})

describe('the first request of a blob', () => {
  test('fetches, verifies and stores it; later requests are served from the store', async () => {
    await using it = await start()
    for (const blob of [app.config, large]) {
      const response = await it.getBlob(blob)
      expect(response.status).toBe(200)
      expect(response.bytes.equals(blob.bytes)).toBe(true)
      expect(response.headers).toMatchObject({
        'content-length': String(blob.bytes.length),
        'docker-content-digest': blob.digest,
      })
    }
    expect(it.upstream.requests.blob).toBe(2)
    await it.upstream[Symbol.asyncDispose]()
    expect((await it.getBlob(large)).bytes.equals(large.bytes)).toBe(true)
    expect(stored(it)).toEqual({ blobs: 2, links: 2 })
    expect(await it.blobs.uploads()).toEqual([])
    expect(it.warnings).toEqual([])
  })

  test('fetches blobs of a child of an index too', async () => {
    const upstream = await startUpstream()
    await using it = await openPullWorld()
    const all = index([app])
    upstream.push('team/app', 'v1', all)
    await it.importTag({ from: `${upstream.host}/team/app`, content: all })
    await it.get('/v2/shop/web/manifests/v1')
    expect((await it.getBlob(app.config)).status).toBe(404)
    await it.get(`/v2/shop/web/manifests/${app.digest}`)
    expect((await it.getBlob(app.config)).bytes).toEqual(app.config.bytes)
    await upstream[Symbol.asyncDispose]()
  })

  test('returns the size for HEAD without a fetch', async () => {
    await using it = await start()
    const response = await it.head(`/v2/shop/web/blobs/${large.digest}`)
    expect(response).toMatchObject({ status: 200, headers: { 'content-length': String(large.bytes.length) } })
    expect(it.upstream.requests.blob).toBe(0)
    expect(stored(it)).toEqual({ blobs: 0, links: 0 })
  })

  test('fetches it once for twenty clients, which all receive bytes as they arrive', async () => {
    await using it = await startHeld()
    const half = large.bytes.length / 2
    const clients = Array.from({ length: 20 }, () => it.download())
    await Promise.all(clients.map((client) => client.until(half)))
    expect(clients.map(({ received }) => received)).toEqual(clients.map(() => half))
    expect(it.source.requests).toHaveLength(1)
    it.source.release()
    expect(await Promise.all(clients.map(({ isWhole }) => isWhole))).toEqual(clients.map(() => true))
    for (const { bytes } of clients) expect(bytes.equals(large.bytes)).toBe(true)
    expect(it.source.requests).toHaveLength(1)
    expect(stored(it)).toEqual({ blobs: 1, links: 1 })
  })

  test('sends a range as soon as its bytes have arrived', async () => {
    await using it = await startHeld()
    const half = large.bytes.length / 2
    const early = it.download({ range: 'bytes=100-199' })
    const late = it.download({ range: `bytes=${half - 1000}-${half + 999}` })
    expect(await early.isWhole).toBe(true)
    expect(early.bytes.equals(large.bytes.subarray(100, 200))).toBe(true)
    await late.until(1000)
    it.source.release()
    expect(await late.isWhole).toBe(true)
    expect((await late.response).headers['content-range']).toBe(
      `bytes ${half - 1000}-${half + 999}/${large.bytes.length}`,
    )
    expect(late.bytes.equals(large.bytes.subarray(half - 1000, half + 1000))).toBe(true)
    expect(it.source.requests).toHaveLength(1)
  })

  test('continues for the other clients when one disconnects', async () => {
    await using it = await startHeld()
    const leaving = it.download()
    const staying = it.download()
    await Promise.all([leaving.until(1000), staying.until(1000)])
    leaving[Symbol.dispose]()
    await leaving.isWhole
    it.source.release()
    expect(await staying.isWhole).toBe(true)
    expect(staying.bytes.equals(large.bytes)).toBe(true)
  })

  test('stores it even if every client has disconnected', async () => {
    await using it = await startHeld()
    const leaving = it.download()
    await leaving.until(1000)
    leaving[Symbol.dispose]()
    await leaving.isWhole
    it.source.release()
    await expect.poll(() => stored(it)).toEqual({ blobs: 1, links: 1 })
    expect((await it.getBlob(large)).bytes.equals(large.bytes)).toBe(true)
    expect(it.source.requests).toHaveLength(1)
  })

  test('creates no push and no tag event', async () => {
    await using it = await start()
    const tables = [
      'push_log',
      'push_log_state',
      'tags',
      'tag_events',
      'image_streams',
      'spec_tags',
      'images',
    ]
    const before = it.domain.dump()
    for (const blob of [app.config, large]) await it.getBlob(blob)
    const after = it.domain.dump()
    for (const table of tables) expect(after[table]).toEqual(before[table])
  })
})

describe('the right of a repository to a blob', () => {
  test('one fetch serves all repositories with the same source, and links the blob to each', async () => {
    await using it = await startHeld()
    await it.importTag({ from: it.from, content: app, stream: 'other' })
    await it.get('/v2/shop/other/manifests/v1')
    const clients = [it.download(), it.download({}, 'other')]
    await Promise.all(clients.map((client) => client.until(1000)))
    it.source.release()
    expect(await Promise.all(clients.map(({ isWhole }) => isWhole))).toEqual([true, true])
    expect(it.source.requests).toHaveLength(1)
    expect(stored(it)).toEqual({ blobs: 1, links: 2 })
  })

  test('does not come from knowing its digest, whether it is stored or arriving', async () => {
    await using it = await startHeld()
    await it.importTag({ from: it.from, content: image({ seed: 'poor' }), stream: 'poor' })
    await it.get('/v2/shop/poor/manifests/v1')
    const rich = it.download()
    await rich.until(1000)
    expect(await it.getBlob(large, 'poor')).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
    it.source.release()
    await rich.isWhole
    expect(await it.getBlob(large, 'poor')).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
    expect(it.source.requests).toHaveLength(1)
  })

  test('does not come from a manifest of a source that lacks the blob, whether it is stored or arriving', async () => {
    await using thief = await startUpstream()
    await using it = await startHeld()
    await it.importTag({ from: `${thief.host}/team/app`, content: app, stream: 'thief' })
    await it.get('/v2/shop/thief/manifests/v1')
    const owner = it.download()
    await owner.until(1000)
    expect(await it.getBlob(large, 'thief')).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
    it.source.release()
    await owner.isWhole
    expect(await it.getBlob(large, 'thief')).toMatchObject({ status: 404, code: 'BLOB_UNKNOWN' })
    expect(thief.requests.blob).toBe(2)
    expect(stored(it)).toEqual({ blobs: 1, links: 1 })
  })

  test("requires its own source to return the blob, even if another repository's source did", async () => {
    await using mirror = await startUpstream()
    mirror.push('team/app', 'v1', app)
    await using it = await start()
    await it.getBlob(large)
    await it.importTag({ from: `${mirror.host}/team/app`, content: app, stream: 'mirror' })
    await it.get('/v2/shop/mirror/manifests/v1')
    expect((await it.getBlob(large, 'mirror')).bytes.equals(large.bytes)).toBe(true)
    expect(mirror.requests.blob).toBe(1)
    expect(stored(it)).toEqual({ blobs: 1, links: 2 })
  })

  test('ends with the deletion of the manifest, also while the blob is arriving', async () => {
    await using it = await startHeld()
    const client = it.download()
    await client.until(1000)
    await it.delete(`/v2/shop/web/manifests/${app.digest}`)
    it.source.release()
    expect(await client.isWhole).toBe(false)
    expect(client.received).toBeLessThan(large.bytes.length)
    expect(stored(it)).toEqual({ blobs: 0, links: 0 })
    expect(await it.blobs.uploads()).toEqual([])
    expect((await it.getBlob(large)).status).toBe(404)
  })
})

describe('a push of an image that is based on a pulled-through one', () => {
  test('fetches the layers that the client did not push because the registry reported them', async () => {
    await using it = await start()
    const built = image({ seed: 'built', layers: [large] })
    expect((await it.head(`/v2/shop/web/blobs/${large.digest}`)).status).toBe(200)
    expect(it.upstream.requests.blob).toBe(0)
    await it.pushBlob('shop/web', built.config.bytes)

    expect((await it.putManifest('shop/web', built, 'built')).status).toBe(201)
    expect((await it.getBlob(large)).bytes.equals(large.bytes)).toBe(true)
    expect(it.upstream.requests.blob).toBe(1)
  })

  test('fails when the source does not return them', async () => {
    await using it = await start()
    const built = image({ seed: 'built', layers: [large] })
    await it.pushBlob('shop/web', built.config.bytes)
    await it.upstream[Symbol.asyncDispose]()

    expect(await it.putManifest('shop/web', built, 'built')).toMatchObject({ status: 503, code: 'UNKNOWN' })
    expect((await it.get('/v2/shop/web/manifests/built')).status).toBe(404)
  })
})
