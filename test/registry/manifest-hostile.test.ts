import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { MAX_INDEX_CHILDREN, parseManifest } from '../../src/oci/manifest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-types.ts'
import { MAX_PARTS } from '../../src/registry/content/manifest-parts.ts'
import { cpuTime } from '../fixtures/cpu-time.ts'
import { image } from '../fixtures/random-image.ts'
import { artifact, descriptor, imageDocument, ociIndex, pushParts } from './manifest-documents.ts'
import { openWorld, type World } from './world.ts'

const PATH = '/v2/shop/web/manifests'

describe('hostile manifests and races', () => {
  let world: World
  /** Runs when a config is read, between the first check of the parts and the transaction. */
  let asConfigIsRead: () => unknown
  /** Error that the transaction of the push throws. */
  let failure: Error | undefined
  beforeEach(async () => {
    asConfigIsRead = () => {}
    failure = undefined
    world = await openWorld({
      blobs: (store): BlobStore => ({
        ...store,
        async open(digest: Digest) {
          await asConfigIsRead()
          return store.open(digest)
        },
      }),
      streams: (streams) => ({
        ...streams,
        recordPush(tx, viewer, push, onStored) {
          streams.recordPush(tx, viewer, push, onStored)
          if (failure) throw failure
        },
      }),
    })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const put = (reference: string, bytes: string | Uint8Array, type = OCI_MANIFEST) =>
    world.put(`${PATH}/${reference}`, bytes, { 'content-type': type })
  const expectNothing = async () => {
    expect(world.domain.streams.byName(SYSTEM, 'shop', 'web')).toBeUndefined()
    expect(world.domain.log()).toEqual([])
    expect((await world.get('/v2/shop/web/tags/list')).status).toBe(404)
  }
  const refused = async (response: Promise<{ status: number; code: string | undefined }>) => {
    const { status, code } = await response
    return [status, code]
  }

  it('concurrent pushes of one tag are all recorded, one after the other', async () => {
    const images = Array.from({ length: 24 }, (_, at) => image({ seed: `racer-${at}` }))
    for (const each of images) await pushParts(world, 'shop/web', each)
    const responses = await Promise.all(images.map((each) => put('latest', each.bytes)))

    expect(responses.map(({ status }) => status)).toEqual(images.map(() => 201))
    const log = world.domain.log()
    expect(new Set(log.map(({ imageId }) => imageId)).size).toBe(images.length)
    expect(log.map(({ previousImageId }) => previousImageId)).toEqual([
      null,
      ...log.slice(0, -1).map(({ imageId }) => imageId),
    ])
    const newest = world.domain.images.byIds([log.at(-1)?.imageId ?? 0]).get(log.at(-1)?.imageId ?? 0)
    expect((await world.head(`${PATH}/latest`)).headers['docker-content-digest']).toBe(newest?.digest)
  })

  it('a part that is deleted while its manifest arrives is reported as missing', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    asConfigIsRead = () => world.delete(`/v2/shop/web/blobs/${web.layers[0]?.digest}`)

    expect(await refused(put('v1', web.bytes))).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    await expectNothing()
  })

  it('a failing push does not fail the pushes that share its commit', async () => {
    const good = image({ seed: 'good' })
    await pushParts(world, 'shop/web', good)
    const responses = await Promise.all([
      put('good', good.bytes),
      put('bad', image({ seed: 'bad' }).bytes),
      put('also-good', good.bytes),
    ])

    expect(responses.map(({ status }) => status)).toEqual([201, 400, 201])
    expect((await world.get('/v2/shop/web/tags/list')).json).toEqual({
      name: 'shop/web',
      tags: ['also-good', 'good'],
    })
  })

  it('a full database is a 507, and nothing is visible', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    failure = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })

    expect(await refused(put('v1', web.bytes))).toEqual([507, 'DENIED'])
    await expectNothing()

    failure = undefined
    expect((await put('v1', web.bytes)).status).toBe(201)
  })

  it('an error inside the transaction leaves nothing, and its response has no internal details', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    failure = new Error('/secret/path')

    const response = await put('v1', web.bytes)
    expect([response.status, response.code]).toEqual([500, 'UNKNOWN'])
    expect(response.text).not.toContain('secret')
    await expectNothing()
  })

  it('200,000 levels of nesting are refused before they are parsed; 64 levels are accepted', async () => {
    const document = (
      await artifact(world, 'shop/web', { subject: descriptor(image({ seed: 'web' })) })
    ).toString()
    const nested = (levels: number) => {
      const deep = '['.repeat(levels) + ']'.repeat(levels)
      return document.replace('"layers"', `"deep":${deep},"annotations":{"deep":${deep},"a":"b"},"layers"`)
    }
    for (const levels of [63, 200_000]) {
      expect(await refused(put('deep', nested(levels)))).toEqual([400, 'MANIFEST_INVALID'])
    }
    expect((await put('deep', nested(62))).status).toBe(201)
    expect((await world.get(`${PATH}/deep`)).text).toBe(nested(62))
    const { json } = await world.get(`/v2/shop/web/referrers/${image({ seed: 'web' }).digest}`)
    expect(json).toMatchObject({ manifests: [{ annotations: { a: 'b' } }] })
  })

  it('a config that is nested too deep is refused', async () => {
    const config = `{"os":"linux","architecture":"amd64","deep":${'['.repeat(64)}${']'.repeat(64)}}`
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    await world.pushBlob('shop/web', config)
    const deep = { ...descriptor(web.config), digest: digestOf(config), size: config.length }
    const refusal = await put('v1', JSON.stringify(imageDocument(web, { config: deep })))
    expect([refusal.status, refusal.code]).toEqual([400, 'MANIFEST_INVALID'])
    expect(refusal.text).toContain('its config is nested more than 64 levels deep')
  })

  it.each([
    ['empty lists', '[]'],
    ['numbers', '1'],
    ['objects and a control character', '{"a":"\\b"}'],
    ['descriptors', `{"mediaType":"a","digest":"${digestOf('x')}","size":1}`],
  ])('4 MiB of %s are refused in less time than a push takes', async (_what, value) => {
    const values = Array(Math.floor(4_190_000 / (value.length + 1))).fill(value)
    const bytes = Buffer.from(`{"schemaVersion":2,"layers":[${values.join(',')}]}`)
    expect(cpuTime(() => expect(() => parseManifest(bytes)).toThrow('it has more than'))).toBeLessThan(250)
    expect(await refused(put('v1', bytes))).toEqual([400, 'MANIFEST_INVALID'])
  })

  it('of a duplicate key, the value that is checked is the one that is used', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    const there = JSON.stringify(descriptor(web.config))
    const missing = JSON.stringify({ ...descriptor(web.config), digest: digestOf('missing') })
    const twice = (first: string, second: string) =>
      JSON.stringify(imageDocument(web)).replace(`"config":${there}`, `"config":${first},"config":${second}`)

    expect(await refused(put('v1', twice(there, missing)))).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    const bytes = twice(missing, there)
    expect((await put('v1', bytes)).headers['docker-content-digest']).toBe(digestOf(bytes))
    expect((await world.get(`${PATH}/v1`)).text).toBe(bytes)
  })

  it('a key named __proto__ is an ordinary key', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    const inherited = `{"schemaVersion":2,"__proto__":${JSON.stringify(imageDocument(web))}}`
    expect(await refused(put('v1', inherited))).toEqual([400, 'MANIFEST_INVALID'])

    const subject = JSON.stringify(descriptor(web))
    const list = `{"schemaVersion":2,"manifests":[],"subject":${subject},"annotations":{"__proto__":"a","constructor":"b"}}`
    expect((await put('list', list, OCI_INDEX)).status).toBe(201)
    const { text } = await world.get(`/v2/shop/web/referrers/${web.digest}`)
    expect(text).toContain('"annotations":{"__proto__":"a","constructor":"b"}')
  })

  it.each([
    ['bytes that are no UTF-8', Buffer.from('{"schemaVersion":2,"a":"\xff\xfe"}', 'latin1')],
    ['a web page', '<!doctype html><title>hello</title>'],
    ['nothing', ''],
    ['half of a document', '{"schemaVersion":2,'],
    ['null', 'null'],
    ['a number', '2'],
    ['a list', '[]'],
    ['layers that are no list', '{"schemaVersion":2,"layers":{}}'],
    ['compressed JSON', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
  ])('%s is rejected', async (_, bytes) => {
    expect(await refused(put('v1', bytes))).toEqual([400, 'MANIFEST_INVALID'])
    await expectNothing()
  })

  it('an index has a limited number of children', async () => {
    const child = image({ seed: 'child' })
    await world.push('shop/children', child)
    const children = (count: number) => ociIndex(Array.from({ length: count }, () => descriptor(child)))
    const pushList = (bytes: Buffer) =>
      world.putManifest('shop/children', { bytes, mediaType: OCI_INDEX }, 'many')
    expect((await pushList(children(MAX_INDEX_CHILDREN))).status).toBe(201)
    expect(await refused(pushList(children(MAX_INDEX_CHILDREN + 1)))).toEqual([400, 'MANIFEST_INVALID'])
  })

  it('an image has a limited number of parts', async () => {
    const child = image({ seed: 'child' })
    await pushParts(world, 'shop/web', child)
    const layers = (count: number) =>
      Array.from({ length: count }, (_, at) => ({
        ...descriptor(child.layers[0]),
        digest: digestOf(`${at}`),
      }))
    const pushLayers = (count: number) =>
      put('v1', JSON.stringify(imageDocument(child, { layers: layers(count) })))
    // the config is one of the parts
    expect(await refused(pushLayers(MAX_PARTS - 1))).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    expect(await refused(pushLayers(MAX_PARTS))).toEqual([400, 'MANIFEST_INVALID'])
    await expectNothing()
  })

  it('a response lists a limited number of missing parts', async () => {
    const layers = Array.from({ length: 1_000 }, (_, at) => ({
      mediaType: 'a/b',
      digest: digestOf(`${at}`),
      size: 1,
    }))
    const { json } = await put('v1', JSON.stringify(imageDocument(image({ seed: 'web' }), { layers })))

    expect((json as { errors: unknown[] }).errors).toHaveLength(100)
  })

  it('a descriptor with a path as digest or an invalid size is rejected', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    for (const layer of [
      { ...descriptor(web.layers[0]), digest: 'sha256:../../../../etc/passwd' },
      { ...descriptor(web.layers[0]), digest: web.layers[0]?.digest.toUpperCase() },
      { ...descriptor(web.layers[0]), size: -1 },
      { ...descriptor(web.layers[0]), size: 1e300 },
      { ...descriptor(web.layers[0]), size: '12' },
      null,
    ]) {
      const bytes = JSON.stringify(imageDocument(web, { layers: [layer] }))
      expect(await refused(put('v1', bytes))).toEqual([400, 'MANIFEST_INVALID'])
    }
    await expectNothing()
  })

  it('an artifact type as long as a manifest is rejected: every list of referrers would repeat it', async () => {
    expect(
      (await put('ok', await artifact(world, 'shop/web', { artifactType: 'x'.repeat(255) }))).status,
    ).toBe(201)
    const longer = await artifact(world, 'shop/web', { artifactType: 'x'.repeat(256) })
    expect(await refused(put('v1', longer))).toEqual([400, 'MANIFEST_INVALID'])
  })

  it('indexes are nested at most three levels deep, whatever is pushed in between', async () => {
    let inner: { mediaType: string; digest: Digest; size: number } | undefined
    const statuses: number[] = []
    for (let level = 1; level <= 4; level++) {
      const bytes = ociIndex(inner ? [inner] : [])
      statuses.push((await put(`level-${level}`, bytes, OCI_INDEX)).status)
      if (level < 4) inner = { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length }
    }
    expect(statuses).toEqual([201, 201, 201, 400])
    expect((await world.get(`${PATH}/level-4`)).status).toBe(404)

    const child = image({ seed: 'child' })
    await world.push('shop/web', child)
    const wide = ociIndex([descriptor(child), ...(inner ? [inner] : [])])
    expect(await refused(put('wide', wide, OCI_INDEX))).toEqual([400, 'MANIFEST_INVALID'])
  })

  it('a client that disconnects in the middle of a manifest leaves nothing', async () => {
    const web = image({ seed: 'web' })
    await pushParts(world, 'shop/web', web)
    using connection = await world.connect()
    const headers = {
      'content-type': OCI_MANIFEST,
      'content-length': web.bytes.length,
      expect: '100-continue',
    }
    connection.request(`PUT ${PATH}/cut`, headers)
    await connection.until(/100 Continue/)
    connection.socket.end(web.bytes.subarray(0, 100))
    await connection.ended

    expect((await put('v1', web.bytes)).status).toBe(201)
    expect((await world.get('/v2/shop/web/tags/list')).json).toMatchObject({ tags: ['v1'] })
    expect(world.unforeseen).toEqual([])
  })
})
