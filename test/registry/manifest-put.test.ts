import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { MAX_MANIFEST_SIZE } from '../../src/oci/manifest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1_SIGNED,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-types.ts'
import { MAX_TAGS_OF_PUSH } from '../../src/registry/routes/manifest-put.ts'
import { image, index } from '../fixtures/random-image.ts'
import { artifact, descriptor, imageDocument, ociIndex, pushParts } from './manifest-documents.ts'
import { openWorld, type World } from './world.ts'

const PATH = '/v2/shop/web/manifests'

describe('pushing a manifest', () => {
  let world: World
  beforeEach(async () => {
    world = await openWorld()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const pushes = () =>
    world.domain.log().map(({ namespace, imageStreamName, tag }) => [namespace, imageStreamName, tag])
  const stream = () => world.domain.streams.byName(SYSTEM, 'shop', 'web')
  const put = (reference: string, bytes: string | Uint8Array, type?: string) =>
    world.put(`${PATH}/${reference}`, bytes, type === undefined ? {} : { 'content-type': type })

  it('by tag creates the stream, moves the tag and adds one entry to the change log', async () => {
    const web = image({ seed: 'web' })
    const { status, headers } = await world.push('shop/web', web, 'v1')
    await world.push('shop/web', web, 'v1')

    expect(status).toBe(201)
    expect(headers).toMatchObject({ location: `${PATH}/v1`, 'docker-content-digest': web.digest })
    expect(pushes()).toEqual([['shop', 'web', 'v1']])
    expect(stream()).toBeDefined()
  })

  it('by digest stores the image and moves no tag', async () => {
    const web = image({ seed: 'web' })
    const { headers } = await world.push('shop/web', web)

    expect(headers.location).toBe(`${PATH}/${web.digest}`)
    expect(pushes()).toEqual([])
    expect((await world.get(`${PATH}/${web.digest}`)).status).toBe(200)
    expect((await world.get('/v2/shop/web/tags/list')).json).toEqual({ name: 'shop/web', tags: [] })
  })

  it('by digest sets the requested tags, each once', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    const { status, headers } = await put(`${web.digest}?tag=b&tag=a&tag=b`, web.bytes, OCI_MANIFEST)

    expect(status).toBe(201)
    expect(headers['oci-tag']).toEqual(['b', 'a'])
    expect(pushes()).toEqual([
      ['shop', 'web', 'b'],
      ['shop', 'web', 'a'],
    ])
    expect((await world.get(`${PATH}/a`)).bytes.equals(web.bytes)).toBe(true)
  })

  it('sets all requested tags or none, up to a maximum', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    const query = (count: number) => Array.from({ length: count }, (_, at) => `tag=v${at}`).join('&')

    const illegal = await put(`${web.digest}?tag=good&tag=-bad`, web.bytes, OCI_MANIFEST)
    expect([illegal.status, illegal.code]).toEqual([400, 'MANIFEST_INVALID'])
    expect((await put(`${web.digest}?${query(MAX_TAGS_OF_PUSH + 1)}`, web.bytes, OCI_MANIFEST)).status).toBe(
      414,
    )
    expect(stream()).toBeUndefined()

    const most = await put(`${web.digest}?${query(MAX_TAGS_OF_PUSH)}`, web.bytes, OCI_MANIFEST)
    expect(most.status).toBe(201)
    expect(most.headers['oci-tag']).toHaveLength(MAX_TAGS_OF_PUSH)
  })

  it.each(['sha256', 'sha512'] as const)('by a %s digest of other bytes is rejected', async (algorithm) => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)

    const { status, code } = await put(digestOf('other', algorithm), web.bytes, OCI_MANIFEST)
    expect([status, code]).toEqual([400, 'DIGEST_INVALID'])
    expect(stream()).toBeUndefined()
  })

  it('accepts exactly 4 MiB, and rejects one byte more with or without a Content-Length', async () => {
    const exact = await artifact(world, 'shop/web', { size: MAX_MANIFEST_SIZE })
    const larger = await artifact(world, 'shop/web', { size: MAX_MANIFEST_SIZE + 1 })
    async function* stream() {
      for (let at = 0; at < larger.length; at += 65_536) yield larger.subarray(at, at + 65_536)
    }

    expect((await put('exact', exact, OCI_MANIFEST)).status).toBe(201)
    expect((await world.get(`${PATH}/exact`)).bytes.equals(exact)).toBe(true)
    for (const body of [larger, stream()]) {
      const refused = await world.put(`${PATH}/larger`, body, { 'content-type': OCI_MANIFEST })
      expect([refused.status, refused.code]).toEqual([413, 'SIZE_INVALID'])
    }
    expect((await world.get(`${PATH}/larger`)).status).toBe(404)
  })

  it('uses the Content-Type without parameters, else the mediaType of the document', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)

    expect((await put('v1', web.bytes, `${OCI_MANIFEST}; charset=utf-8`)).status).toBe(201)
    expect((await put('v2', web.bytes)).status).toBe(201)
    for (const tag of ['v1', 'v2']) {
      expect((await world.get(`${PATH}/${tag}`)).headers['content-type']).toBe(OCI_MANIFEST)
    }
  })

  it('rejects contradicting types and types that are not manifests', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    const list = ociIndex([])

    for (const [bytes, type] of [
      [web.bytes, DOCKER_MANIFEST],
      [web.bytes, OCI_INDEX],
      [list, OCI_MANIFEST],
      [list, DOCKER_LIST],
      [web.bytes, 'application/json'],
      [web.bytes, 'text/html'],
      [JSON.stringify({ ...imageDocument(web), mediaType: 'application/vnd.other' }), undefined],
    ] as const) {
      const { status, code } = await put('v1', bytes, type)
      expect([type, status, code]).toEqual([type, 400, 'MANIFEST_INVALID'])
    }
    expect(stream()).toBeUndefined()
  })

  it('explains the rejection of a schema 1 manifest', async () => {
    const { status, code, text } = await put('v1', '{"schemaVersion":1,"fsLayers":[]}', DOCKER_SCHEMA1_SIGNED)

    expect([status, code]).toEqual([400, 'MANIFEST_INVALID'])
    expect(text).toContain('schema 1')
  })

  it('rejects a document that is both an image and an index (CVE-2021-41190)', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    for (const type of [OCI_MANIFEST, OCI_INDEX]) {
      const both = JSON.stringify({ ...imageDocument(web), mediaType: type, manifests: [] })
      const { status, code } = await put('v1', both, type)
      expect([status, code]).toEqual([400, 'MANIFEST_INVALID'])
    }
  })

  it('lists every missing part in its own error entry', async () => {
    const web = image({ seed: 'web' })
    const [layer] = web.layers
    const { status, json } = await world.putManifest('shop/web', web, 'v1')

    expect(status).toBe(400)
    expect(json).toEqual({
      errors: [web.config, layer].map((part) => ({
        code: 'MANIFEST_BLOB_UNKNOWN',
        message: expect.stringContaining(part?.digest ?? 'no layer'),
        detail: { digest: part?.digest },
      })),
    })
    expect(stream()).toBeUndefined()
  })

  it('requires the parts in the same repository', async () => {
    const web = image({ seed: 'web' })
    const all = index([web])
    await world.push('shop/other', all, 'v1')

    for (const manifest of [web, all]) {
      expect((await world.putManifest('shop/web', manifest, 'v1')).code).toBe('MANIFEST_BLOB_UNKNOWN')
    }
  })

  it('rejects a part whose size differs from the descriptor', async () => {
    const web = image({ seed: 'web' })
    await world.push('shop/web', web)
    const [layer] = web.layers
    const documents = [
      [imageDocument(web, { config: { ...descriptor(web.config), size: 1 } }), OCI_MANIFEST],
      [imageDocument(web, { layers: [{ ...descriptor(layer), size: 0 }] }), OCI_MANIFEST],
      [{ schemaVersion: 2, manifests: [{ ...descriptor(web), size: 1 }] }, OCI_INDEX],
    ] as const

    for (const [document, type] of documents) {
      const { status, code } = await put('v1', JSON.stringify(document), type)
      expect([status, code]).toEqual([400, 'MANIFEST_INVALID'])
    }
  })

  it('accepts a part that is listed more than once', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    const layers = [...web.layers, ...web.layers, ...web.layers].map(descriptor)

    expect((await put('v1', JSON.stringify(imageDocument(web, { layers })), OCI_MANIFEST)).status).toBe(201)
  })

  it('reads the config of a container image, and not of an artifact', async () => {
    const config = await world.pushBlob('shop/web', '{}')
    const plain = imageDocument(image({ seed: 'web' }), {
      config: { mediaType: OCI_CONFIG, digest: config, size: 2 },
      layers: [],
    })
    await world.push('shop/web', image({ seed: 'web' }), 'image')
    expect(
      (await put('artifact', JSON.stringify({ ...plain, artifactType: 'a/b' }), OCI_MANIFEST)).status,
    ).toBe(201)

    const platformOf = async (tag: string) => {
      const digest = digestOf((await world.get(`${PATH}/${tag}`)).bytes)
      return world.domain.images.byDigest(SYSTEM, digest)?.architecture
    }
    expect(await platformOf('image')).toBe('amd64')
    expect(await platformOf('artifact')).toBeNull()
  })

  it('accepts the index of layers of a BuildKit cache', async () => {
    const layer = 'a cached layer'
    const digest = await world.pushBlob('shop/web', layer)
    const cache = (mediaType: string) =>
      JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size: layer.length }] })

    const taken = await put('cache', cache('application/vnd.oci.image.layer.v1.tar+gzip'), OCI_INDEX)
    expect(taken.status).toBe(201)
    // a blob is not a manifest, whatever its type in an index
    expect((await put('cache', cache(OCI_MANIFEST), OCI_INDEX)).code).toBe('MANIFEST_BLOB_UNKNOWN')
  })

  it('stores the manifests of Docker clients unchanged', async () => {
    const all = index([image({ seed: 'web', docker: true })], { docker: true })
    await world.push('shop/web', all, 'v1')

    expect((await world.get(`${PATH}/v1`)).headers['content-type']).toBe(DOCKER_LIST)
    const child = all.manifests[0]?.digest
    expect((await world.get(`${PATH}/${child}`)).headers['content-type']).toBe(DOCKER_MANIFEST)
  })

  it('never serves bytes with another media type than they were pushed with', async () => {
    const { mediaType: _, ...untyped } = imageDocument(image({ seed: 'web' }))
    const bytes = JSON.stringify(untyped)
    for (const repository of ['shop/first', 'shop/web'])
      await pushParts(world, repository, image({ seed: 'web' }))

    expect(
      (await world.put('/v2/shop/first/manifests/v1', bytes, { 'content-type': DOCKER_MANIFEST })).status,
    ).toBe(201)
    const second = await put('v1', bytes, OCI_MANIFEST)
    expect([second.status, second.code]).toEqual([400, 'MANIFEST_INVALID'])
    expect(stream()).toBeUndefined()
  })

  it.each(['-tag', 'a:b', 'x'.repeat(129), 'sha256:baddigeststring', 'md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'rejects the invalid reference %s',
    async (reference) => {
      const { status, code } = await put(reference, '{}', OCI_MANIFEST)
      expect([status, code]).toEqual([400, reference.includes(':') ? 'DIGEST_INVALID' : 'MANIFEST_INVALID'])
    },
  )
})
