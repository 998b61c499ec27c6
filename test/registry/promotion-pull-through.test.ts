import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image, index } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { openPullWorld } from './pull-through-world.ts'

// Line 16, for images that a stream pulls through: their blobs may not be stored yet.

const amd = image({ seed: 'amd' })
const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })
const app = index([amd, arm])

/** `shop/web:v1` is imported with `referencePolicy: Local`; `copies/app:prod` gets its image from there. */
async function start(alias: boolean) {
  const upstream = await startUpstream()
  const it = await openPullWorld()
  upstream.push('team/app', 'v1', app)
  await it.importTag({ from: `${upstream.host}/team/app`, content: app })
  const promote = () =>
    it.domain.tagging.tagImage(SYSTEM, {
      ...{ namespace: 'copies', imageStream: 'app', tag: 'prod', alias, reference: false },
      from: { kind: 'ImageStreamTag', name: 'web:v1', namespace: 'shop' },
      ...{ scheduled: false, insecure: false },
    })
  const statuses = async (...paths: string[]): Promise<number[]> => {
    const found: number[] = []
    for (const path of paths) found.push((await it.get(`/v2/copies/app/${path}`)).status)
    return found
  }
  const pullSpec = () =>
    it.domain.tags.ofImages(SYSTEM, [it.domain.images.byDigest(SYSTEM, app.digest)?.id ?? 0], { limit: 9 })
  return {
    ...it,
    upstream,
    promote,
    statuses,
    pullSpecs: () => pullSpec().map(({ dockerImageReference }) => dockerImageReference),
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('a tag of another stream that is pulled through, tagged in this one', () => {
  test.each([false, true])(
    'is pulled under its own name before any blob is stored, alias: %s',
    async (alias) => {
      await using it = await start(alias)
      it.promote()

      const [layer] = amd.layers
      expect(await it.statuses('manifests/prod', `manifests/${app.digest}`)).toEqual([200, 200])
      expect(await it.statuses(`manifests/${amd.digest}`, `blobs/${layer?.digest}`)).toEqual([200, 200])
      expect(await it.statuses(`manifests/${arm.digest}`, `blobs/${arm.config.digest}`)).toEqual([200, 200])
    },
  )

  test('keeps the pull spec of its source, as its own referencePolicy is Source', async () => {
    await using it = await start(false)
    it.promote()

    const source = `${it.upstream.host}/team/app@${app.digest}`
    expect(it.pullSpecs()).toEqual([source, source])
  })

  test('has the blobs that the other stream stored before, without a request to their source', async () => {
    await using it = await start(false)
    await it.get('/v2/shop/web/manifests/v1')
    await it.get(`/v2/shop/web/manifests/${amd.digest}`)
    for (const blob of [amd.config, ...amd.layers]) await it.getBlob(blob)
    it.promote()
    await it.upstream[Symbol.asyncDispose]()

    expect(await it.statuses('manifests/prod', `manifests/${amd.digest}`)).toEqual([200, 200])
    for (const { digest } of [amd.config, ...amd.layers])
      expect(await it.statuses(`blobs/${digest}`)).toEqual([200])
  })

  test('is pulled after the other stream was deleted', async () => {
    await using it = await start(false)
    it.promote()
    it.domain.streamRemoval.delete(SYSTEM, { namespace: 'shop', name: 'web' })

    expect(await it.statuses('manifests/prod', `manifests/${amd.digest}`)).toEqual([200, 200])
    expect(await it.statuses(`blobs/${amd.config.digest}`)).toEqual([200])
  })

  test('is promoted further after the other stream was deleted, and keeps the pull spec of its source', async () => {
    await using it = await start(false)
    it.promote()
    it.domain.streamRemoval.delete(SYSTEM, { namespace: 'shop', name: 'web' })
    // as after the history of the deleted stream was pruned
    it.domain.db.prepare('update tag_events set import_id = null').run()
    it.domain.tagging.tagImage(SYSTEM, {
      ...{ namespace: 'more', imageStream: 'app', tag: 'live', alias: false, reference: false },
      from: { kind: 'ImageStreamTag', name: 'app:prod', namespace: 'copies' },
      ...{ scheduled: false, insecure: false },
    })

    const source = `${it.upstream.host}/team/app@${app.digest}`
    expect(new Set(it.pullSpecs())).toEqual(new Set([source]))
    expect((await it.get('/v2/more/app/manifests/live')).bytes).toEqual(app.bytes)
  })

  test('serves each image that is imported there, if it follows', async () => {
    await using it = await start(true)
    it.promote()
    const moved = image({ seed: 'moved' })
    it.upstream.push('team/app', 'v1', moved)
    await it.moveTag({ from: `${it.upstream.host}/team/app`, content: moved })

    expect((await it.get('/v2/copies/app/manifests/prod')).bytes).toEqual(moved.bytes)
    expect(await it.statuses(`blobs/${moved.config.digest}`)).toEqual([200])
  })
})
