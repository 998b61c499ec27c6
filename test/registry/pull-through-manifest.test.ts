import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { DEFAULT_LIMITS } from '../../src/registry/protocol/limits.ts'
import { attestation, image, index } from '../fixtures/random-image.ts'
import { openPullWorld } from './pull-through-world.ts'

const from = 'registry.test/team/app'
const one = image({ seed: 'one' })
const two = image({ seed: 'two' })
const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })

describe('an imported tag with the policy Local', () => {
  test('is served by tag and by digest with its exact bytes', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    for (const reference of ['v1', one.digest]) {
      const response = await it.get(`/v2/shop/web/manifests/${reference}`)
      expect(response).toMatchObject({ status: 200, bytes: one.bytes })
      expect(response.headers).toMatchObject({
        'content-type': one.mediaType,
        'docker-content-digest': one.digest,
      })
    }
  })

  test('is served by digest before the first request of the tag', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    expect((await it.head(`/v2/shop/web/manifests/${one.digest}`)).status).toBe(200)
  })

  test("is linked to the stream's repository without a change of change log, tag or history", async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    const { domain } = it
    const tables = [
      'push_log',
      'push_log_state',
      'tags',
      'tag_events',
      'spec_tags',
      'image_streams',
      'images',
    ]
    const before = domain.dump()
    await it.get('/v2/shop/web/manifests/v1')
    const after = domain.dump()
    for (const table of tables) expect(after[table]).toEqual(before[table])
    expect(domain.log()).toHaveLength(1)
    expect(after.repositories).toMatchObject([
      { namespace: 'shop', name: 'web', stream_id: domain.streams.byName(SYSTEM, 'shop', 'web')?.id },
    ])
    expect(after.repository_manifests).toMatchObject([
      {
        digest: one.digest,
        source: `${from}@${one.digest}`,
        insecure: 0,
        subject: null,
        artifact_type: one.config.mediaType,
        confirmed_at: domain.time,
      },
    ])
    const named = [one.config, ...one.layers].map(({ digest }) => digest)
    const references = after.manifest_references as { digest: string }[]
    expect(references.map(({ digest }) => digest).sort()).toEqual(named.sort())
  })

  test('is written once for any number of requests', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    await Promise.all(Array.from({ length: 10 }, () => it.get('/v2/shop/web/manifests/v1')))
    const before = it.domain.changes()
    await it.get('/v2/shop/web/manifests/v1')
    await it.get(`/v2/shop/web/manifests/${one.digest}`)
    expect(it.domain.changes()).toBe(before)
    expect(it.domain.dump().repository_manifests).toHaveLength(1)
  })

  test('has its lease extended by later requests', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    await it.get('/v2/shop/web/manifests/v1')
    it.domain.time += DEFAULT_LIMITS.lease
    await it.get('/v2/shop/web/manifests/v1')
    expect(it.domain.dump().repository_manifests).toMatchObject([{ confirmed_at: it.domain.time }])
  })

  test('that moved serves the new image by tag, and the old one by digest', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    await it.moveTag({ from, content: two })
    expect((await it.get('/v2/shop/web/manifests/v1')).bytes).toEqual(two.bytes)
    expect((await it.get(`/v2/shop/web/manifests/${one.digest}`)).bytes).toEqual(one.bytes)
  })

  test('stores whether the source may be insecure', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one, insecure: true })
    await it.get('/v2/shop/web/manifests/v1')
    expect(it.domain.dump().repository_manifests).toMatchObject([{ insecure: 1 }])
  })

  test("of one platform serves that platform's image", async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: index([one, arm]), importMode: 'Legacy' })
    expect((await it.get('/v2/shop/web/manifests/v1')).bytes).toEqual(one.bytes)
    expect((await it.get(`/v2/shop/web/manifests/${arm.digest}`)).status).toBe(404)
  })
})

describe('an imported index', () => {
  test('has its children served after it was served itself', async () => {
    const all = index([one, index([arm])])
    await using it = await openPullWorld()
    await it.importTag({ from, content: all })
    expect((await it.get(`/v2/shop/web/manifests/${arm.digest}`)).status).toBe(404)
    expect((await it.get('/v2/shop/web/manifests/v1')).bytes).toEqual(all.bytes)
    const nested = all.manifests[1]
    for (const child of [one, nested, arm]) {
      expect((await it.get(`/v2/shop/web/manifests/${child?.digest}`)).bytes).toEqual(child?.bytes)
    }
    expect(it.domain.dump().repository_manifests).toMatchObject([
      { digest: all.digest, source: `${from}@${all.digest}`, artifact_type: null },
      { digest: one.digest, source: `${from}@${one.digest}` },
      { digest: nested?.digest },
      { digest: arm.digest, source: `${from}@${arm.digest}` },
    ])
  })

  test('serves only children that were imported with it', async () => {
    const statement = attestation(one)
    await using it = await openPullWorld()
    await it.importTag({ from, content: index([one, statement]) })
    await it.get('/v2/shop/web/manifests/v1')
    const response = await it.get(`/v2/shop/web/manifests/${statement.digest}`)
    expect(response).toMatchObject({ status: 404, code: 'MANIFEST_UNKNOWN' })
  })
})

describe('a manifest that is not pulled through', () => {
  test('belongs to an imported tag with the policy Source', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: index([one]), policy: 'Source' })
    for (const reference of ['v1', index([one]).digest, one.digest]) {
      const response = await it.get(`/v2/shop/web/manifests/${reference}`)
      expect(response).toMatchObject({ status: 404, code: 'MANIFEST_UNKNOWN' })
    }
    expect(it.domain.dump().repositories).toEqual([])
  })

  test('belongs to another stream, even by digest', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: index([one]) })
    await it.importTag({ from, content: two, stream: 'other' })
    await it.get('/v2/shop/web/manifests/v1')
    for (const { digest } of [index([one]), one]) {
      expect((await it.get(`/v2/shop/other/manifests/${digest}`)).status).toBe(404)
    }
  })

  test('belongs to an unknown tag, stream or digest', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    for (const path of ['web/manifests/v2', 'none/manifests/v1', `web/manifests/${two.digest}`]) {
      expect((await it.get(`/v2/shop/${path}`)).status).toBe(404)
    }
    expect(it.domain.dump().repositories).toEqual([])
  })

  test('is a blob of an imported manifest', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    await it.get('/v2/shop/web/manifests/v1')
    expect((await it.get(`/v2/shop/web/manifests/${one.config.digest}`)).status).toBe(404)
  })

  test('was pushed here and deleted: it has no other source', async () => {
    await using it = await openPullWorld()
    await it.importTag({ from, content: one })
    await it.push('shop/web', two, 'v1')
    await it.push('shop/web', one, 'v1')
    await it.delete(`/v2/shop/web/manifests/${two.digest}`)
    expect((await it.get(`/v2/shop/web/manifests/${two.digest}`)).status).toBe(404)
  })
})
