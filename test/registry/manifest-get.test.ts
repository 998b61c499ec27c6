import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../src/oci/media-types.ts'
import { image } from '../fixtures/random-image.ts'
import { openWorld, type World } from './world.ts'

describe('pulling a manifest', () => {
  let world: World
  beforeEach(async () => {
    world = await openWorld()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const web = image({ seed: 'web' })
  const confirmedAt = (): number => {
    const repository = world.content.repository({ namespace: 'shop', name: 'web' })
    return (repository && world.content.manifest(repository.id, web.digest)?.confirmedAt) ?? 0
  }

  it('returns the pushed bytes, type and digest, by tag and by digest, for GET and HEAD', async () => {
    await world.push('shop/web', web, 'v1')

    for (const reference of ['v1', web.digest]) {
      const got = await world.get(`/v2/shop/web/manifests/${reference}`)
      const head = await world.head(`/v2/shop/web/manifests/${reference}`)
      expect(got.bytes.equals(web.bytes)).toBe(true)
      expect(head.bytes).toHaveLength(0)
      for (const { status, headers } of [got, head]) {
        expect(status).toBe(200)
        expect(headers).toMatchObject({
          'content-type': OCI_MANIFEST,
          'content-length': String(web.bytes.length),
          'docker-content-digest': web.digest,
          etag: `"${web.digest}"`,
        })
      }
    }
  })

  it('returns bytes that are not ASCII unchanged, in a small and in a large manifest', async () => {
    for (const [tag, length] of [
      ['small', 10],
      ['large', 100_000],
    ] as const) {
      const labelled = await pushArtifact(`ü☃𝄞 ${'é'.repeat(length)}`, tag)
      const { bytes } = await world.get(`/v2/shop/web/manifests/${tag}`)
      expect(bytes.equals(labelled)).toBe(true)
    }
  })

  const pushArtifact = async (title: string, tag: string): Promise<Buffer> => {
    const config = await world.pushBlob('shop/web', '{}')
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        artifactType: 'application/vnd.test',
        config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: config, size: 2 },
        layers: [],
        annotations: { title },
      }),
    )
    expect((await world.putManifest('shop/web', { bytes, mediaType: OCI_MANIFEST }, tag)).status).toBe(201)
    return bytes
  }

  it('responds with 304 if If-None-Match has the digest, also as a weak one or in a list', async () => {
    await world.push('shop/web', web, 'v1')
    const pull = (condition: string, method: 'GET' | 'HEAD' = 'GET') =>
      world.send(method, '/v2/shop/web/manifests/v1', { headers: { 'if-none-match': condition } })

    for (const condition of [`"${web.digest}"`, `W/"${web.digest}"`, `"other", W/"${web.digest}"`, '*']) {
      for (const method of ['GET', 'HEAD'] as const) {
        const { status, headers, bytes } = await pull(condition, method)
        expect([condition, status]).toEqual([condition, 304])
        expect(bytes).toHaveLength(0)
        expect(headers).toMatchObject({ etag: `"${web.digest}"`, 'docker-content-digest': web.digest })
      }
    }
    expect((await pull(`"${digestOf('other')}"`)).status).toBe(200)
  })

  it('does not find a digest of another repository', async () => {
    await world.push('shop/web', web, 'v1')
    await world.push('shop/other', image({ seed: 'other' }), 'v1')

    const here = await world.get(`/v2/shop/other/manifests/${web.digest}`)
    const nowhere = await world.get(`/v2/shop/other/manifests/${digestOf('nothing')}`)
    expect([here.status, here.code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    expect(here.text.replaceAll(web.digest, '')).toBe(nowhere.text.replaceAll(digestOf('nothing'), ''))
  })

  it('does not return a cached manifest that was deleted', async () => {
    await world.push('shop/web', web, 'v1')
    await world.get('/v2/shop/web/manifests/v1')

    await world.delete(`/v2/shop/web/manifests/${web.digest}`)
    expect((await world.get('/v2/shop/web/manifests/v1')).status).toBe(404)
    expect((await world.get(`/v2/shop/web/manifests/${web.digest}`)).status).toBe(404)
  })

  it('returns the new image as soon as the tag has moved', async () => {
    const next = image({ seed: 'next' })
    await world.push('shop/web', web, 'v1')
    await world.get('/v2/shop/web/manifests/v1')
    await world.push('shop/web', next, 'v1')

    expect((await world.get('/v2/shop/web/manifests/v1')).bytes.equals(next.bytes)).toBe(true)
    expect((await world.get(`/v2/shop/web/manifests/${web.digest}`)).bytes.equals(web.bytes)).toBe(true)
  })

  it.each([
    'sha256:baddigeststring',
    `sha256:${'A'.repeat(64)}`,
    `md5:${'0'.repeat(32)}`,
    '-tag',
    'x'.repeat(129),
  ])('responds with 404 to an invalid reference: %s', async (reference) => {
    const { status, code } = await world.get(`/v2/shop/web/manifests/${reference}`)

    expect([status, code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  })

  it('extends the lease, with a write only after half of it', async () => {
    await world.push('shop/web', web, 'v1')
    const pushedAt = confirmedAt()
    expect(pushedAt).toBe(world.domain.time)

    world.domain.time += world.limits.lease / 2
    await world.head('/v2/shop/web/manifests/v1')
    expect(confirmedAt()).toBe(pushedAt)

    world.domain.time += 1
    await world.head('/v2/shop/web/manifests/v1')
    expect(confirmedAt()).toBe(world.domain.time)
  })

  it('of a tag that is imported from another registry explains the 404', async () => {
    await world.domain.create({ namespace: 'default', name: 'ruby' })
    world.domain.remote.push('registry.test/ruby', '3.3', image({ seed: 'ruby' }))
    await world.domain.import({ all: true })

    const { status, code, text } = await world.get('/v2/ruby/manifests/3.3')
    expect([status, code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    expect(text).toContain('imported')
  })
})
