import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { openPullWorld } from './pull-through-world.ts'

const app = image({ seed: 'app' })

/** `shop/web:v1` is imported from an upstream; `copies/app` takes it over under `referencePolicy: Local`. */
async function start() {
  const upstream = await startUpstream()
  const it = await openPullWorld()
  upstream.push('team/app', 'v1', app)
  await it.importTag({ from: `${upstream.host}/team/app`, content: app, policy: 'Source' })
  const retag = (
    tag: string,
    more: { alias: boolean; referencePolicy?: 'Local' | 'Source' },
    name = 'web:v1',
  ) =>
    it.domain.tagging.tagImage(SYSTEM, {
      namespace: 'copies',
      imageStream: 'app',
      tag,
      from: { kind: 'ImageStreamTag', name, namespace: 'shop' },
      reference: false,
      scheduled: false,
      insecure: false,
      ...more,
    })
  return {
    ...it,
    retag,
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('a tag from another tag, with referencePolicy Local', () => {
  test.each([false, true])('is served from the source of the other tag, alias: %s', async (alias) => {
    await using it = await start()
    it.retag('prod', { alias, referencePolicy: 'Local' })

    const manifest = await it.get('/v2/copies/app/manifests/prod')
    expect(manifest.status).toBe(200)
    expect(manifest.headers['docker-content-digest']).toBe(app.digest)
    expect((await it.get(`/v2/copies/app/manifests/${app.digest}`)).status).toBe(200)
    const [layer] = app.layers
    expect((await it.get(`/v2/copies/app/blobs/${layer?.digest}`)).status).toBe(200)
  })

  test('is served only if its own policy allows it', async () => {
    await using it = await start()
    it.retag('prod', { alias: true, referencePolicy: 'Source' })

    expect((await it.get('/v2/copies/app/manifests/prod')).status).toBe(404)
  })

  test('of a pushed image is not fetched from another registry', async () => {
    await using it = await start()
    const imageId = it.domain.images.byDigest(SYSTEM, app.digest)?.id ?? 0
    const stream = it.domain.streams.byName(SYSTEM, 'shop', 'web')
    it.domain.db.transact((tx) =>
      it.domain.recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId: stream?.id ?? 0, namespace: 'shop', streamName: 'web', tag: tagName('pushed') },
        {
          imageId,
          dockerImageReference: `registry.here:4000/shop/web@${app.digest}`,
          generation: 1,
          source: 'REGISTRY',
          upstreamDigest: null,
          at: it.domain.time,
        },
      ),
    )
    it.retag('prod', { alias: true, referencePolicy: 'Local' }, 'web:pushed')

    expect(
      it.domain.tags.named([it.domain.streams.byName(SYSTEM, 'copies', 'app')?.id ?? 0], tagName('prod')),
    ).toMatchObject([{ image: { digest: app.digest } }])
    expect((await it.get('/v2/copies/app/manifests/prod')).status).toBe(404)
  })
})
