import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { image, index } from '../fixtures/random-image.ts'
import { ociIndex } from './manifest-documents.ts'
import { openWorld, type World } from './world.ts'

describe('deleting', () => {
  let world: World
  let refuseTags: boolean
  beforeEach(async () => {
    refuseTags = false
    world = await openWorld({
      streams: (streams) => ({
        ...streams,
        removeTags(tx, viewer, streamId, tags) {
          streams.removeTags(tx, viewer, streamId, tags)
          if (refuseTags) throw new Error('the stream refuses')
        },
      }),
    })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const web = image({ seed: 'web' })
  const path = (reference: string, repository = 'shop/web') => `/v2/${repository}/manifests/${reference}`
  const status = async (reference: string, repository?: string) =>
    (await world.head(path(reference, repository))).status
  const tags = async () => ((await world.get('/v2/shop/web/tags/list')).json as { tags: string[] }).tags
  const streamTags = () =>
    world.domain.tags
      .ofStreams([world.domain.streams.byName(SYSTEM, 'shop', 'web')?.id ?? 0], {
        order: 'NAME',
        page: { limit: 100 },
      })
      .map(({ name }) => name)

  it('removes a tag from the stream, and keeps its image and the other tags', async () => {
    await world.push('shop/web', web, 'v1')
    await world.push('shop/web', web, 'v2')

    expect((await world.delete(path('v1'))).status).toBe(202)
    expect([await status('v1'), await status('v2'), await status(web.digest)]).toEqual([404, 200, 200])
    expect(await tags()).toEqual(['v2'])
    expect(streamTags()).toEqual(['v2'])
  })

  it('removes with a manifest the tags that point to it, and no tag that only pointed to it before', async () => {
    const next = image({ seed: 'next' })
    await world.push('shop/web', web, 'v1')
    await world.push('shop/web', web, 'v2')
    await world.push('shop/web', web, 'moved')
    await world.push('shop/web', next, 'moved')

    expect((await world.delete(path(web.digest))).status).toBe(202)
    expect(await tags()).toEqual(['moved'])
    expect(streamTags()).toEqual(['moved'])
    expect([await status(web.digest), await status('v1'), await status('moved')]).toEqual([404, 404, 200])
  })

  it('of a manifest affects only its repository', async () => {
    await world.push('shop/web', web, 'v1')
    await world.push('shop/other', web, 'v1')

    await world.delete(path(web.digest))
    expect(await status('v1', 'shop/other')).toBe(200)
    expect(await status(web.digest, 'shop/other')).toBe(200)
  })

  it('is a 404 the second time, and for a manifest that never existed', async () => {
    await world.push('shop/web', web, 'v1')
    await world.delete(path('v1'))
    await world.delete(path(web.digest))

    const never = digestOf('never')
    for (const reference of ['v1', web.digest, never, 'sha256:baddigeststring', '-']) {
      const { status, code } = await world.delete(path(reference))
      expect([reference, status, code]).toEqual([reference, 404, 'MANIFEST_UNKNOWN'])
    }
    expect((await world.delete(path('v1', 'shop/nothing'))).code).toBe('MANIFEST_UNKNOWN')
  })

  it('allows pushing the same content again', async () => {
    await world.push('shop/web', web, 'v1')
    await world.delete(path(web.digest))
    await world.push('shop/web', web, 'v1')

    expect((await world.get(path('v1'))).bytes.equals(web.bytes)).toBe(true)
    expect(await tags()).toEqual(['v1'])
  })

  it('keeps the children of an index', async () => {
    const all = index([web])
    await world.push('shop/web', all, 'all')

    await world.delete(path(all.digest))
    expect(await status(web.digest)).toBe(200)
  })

  it('removes a referrer from the list of referrers', async () => {
    await world.push('shop/web', web, 'v1')
    const subject = { mediaType: web.mediaType, digest: web.digest, size: web.bytes.length }
    const bytes = ociIndex([], { subject })
    await world.putManifest('shop/web', { bytes, mediaType: 'application/vnd.oci.image.index.v1+json' })
    const referrers = async () =>
      ((await world.get(`/v2/shop/web/referrers/${web.digest}`)).json as { manifests: unknown[] }).manifests

    expect(await referrers()).toHaveLength(1)
    await world.delete(path(digestOf(bytes)))
    expect(await referrers()).toEqual([])
  })

  it('does not affect tags that are imported from other registries', async () => {
    world.domain.remote.push('registry.test/ruby', '3.3', image({ seed: 'ruby' }))
    await world.domain.create()
    expect(world.domain.tagNames()).toEqual(['3.3'])

    const { status, code } = await world.delete(path('3.3', 'ruby'))
    expect([status, code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    expect(world.domain.tagNames()).toEqual(['3.3'])
  })

  it('removes tags and manifest together or not at all', async () => {
    await world.push('shop/web', web, 'v1')
    await world.push('shop/web', web, 'v2')
    refuseTags = true

    expect((await world.delete(path(web.digest))).status).toBe(500)
    expect((await world.delete(path('v1'))).status).toBe(500)
    expect(await tags()).toEqual(['v1', 'v2'])
    expect(streamTags()).toEqual(['v1', 'v2'])
    expect(await status(web.digest)).toBe(200)
  })

  it('concurrent with pushes of the same image leaves all of it or nothing', async () => {
    await world.push('shop/web', web, 'v1')
    for (let round = 0; round < 25; round++) {
      const [pushed] = await Promise.all([
        world.putManifest('shop/web', web, 'v1'),
        world.delete(path(web.digest)),
        world.delete(path('v1')),
        world.putManifest('shop/web', web, 'v2'),
      ])
      expect(pushed.status).toBe(201)

      const listed = await tags()
      const byDigest = await status(web.digest)
      expect(listed).toEqual(streamTags())
      for (const tag of ['v1', 'v2']) {
        expect(await status(tag)).toBe(listed.includes(tag) ? 200 : 404)
      }
      // no tag points to a deleted image
      if (listed.length > 0) expect(byDigest).toBe(200)
      await world.putManifest('shop/web', web, 'v1')
    }
  })
})
