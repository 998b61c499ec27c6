import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { DOCKER_MANIFEST } from '../../../src/oci/media-types.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { Attached, artifact, asImage } from '../../fixtures/artifacts.ts'
import { attestation, type Content, type Image, image, index, layer } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { pushLog } from '../../flows/operations.ts'
import {
  ended,
  inputOf,
  mirror,
  mirrorImage,
  mirroringOf,
  pulledBlob,
  pulledManifest,
  refused,
  tagsOf,
} from './mirror.ts'

const FOREIGN_LAYER = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
const amd64 = image({ seed: 'amd64', layers: [layer('base'), layer('amd64')] })
const arm64 = image({
  seed: 'arm64',
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  layers: [layer('base'), layer('arm64')],
})
const attested = attestation(amd64)
const ruby = index([amd64, arm64, attested, attestation(arm64)])
const blobsOf = (...images: readonly Image[]) => images.flatMap(({ config, layers }) => [config, ...layers])

let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  upstream = await startUpstream()
  app = await startApp()
  upstream.push('library/ruby', '3.3', ruby)
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
const reference = () => `${upstream.host}/library/ruby:3.3`

describe('mirrorImage', () => {
  test('copies an index with all platforms byte for byte, and the tag moves as by a push', async () => {
    const { imageMirroring, imageStreamTag } = await mirrorImage(app, inputOf(reference()))

    expect(imageMirroring).toMatchObject({
      state: 'SUCCEEDED',
      repository: 'shop/web',
      tag: 'v1',
      source: reference(),
      digest: ruby.digest,
      manifestCount: 5,
      blobCount: 9,
      storedBlobCount: 9,
      reason: null,
      message: null,
    })
    expect(imageMirroring?.fetchedSize).toBe(imageMirroring?.size)
    expect(imageMirroring?.storedSize).toBe(imageMirroring?.size)
    expect(imageStreamTag?.image.digest).toBe(ruby.digest)
    expect(imageStreamTag?.dockerImageReference).toContain(`/shop/web@${ruby.digest}`)
    expect(await pushLog(app.client)).toMatchObject([{ tag: 'v1', image: { digest: ruby.digest } }])
    await upstream[Symbol.asyncDispose]()
    for (const { digest } of [ruby, ...ruby.manifests]) {
      expect(await pulledManifest(app, 'shop/web', digest)).toEqual({ status: 200, digest })
    }
    for (const { digest } of blobsOf(amd64, arm64, attested)) {
      expect(await pulledBlob(app, 'shop/web', digest)).toEqual({ status: 200, digest })
    }
  })

  test('copies only the chosen platforms with their attestations, and the index unchanged', async () => {
    const done = await mirror(app, reference(), { platforms: ['linux/amd64'] })

    expect(done).toMatchObject({ state: 'SUCCEEDED', digest: ruby.digest, manifestCount: 3 })
    expect(await pulledManifest(app, 'shop/web', 'v1')).toEqual({ status: 200, digest: ruby.digest })
    expect((await pulledManifest(app, 'shop/web', attested.digest)).status).toBe(200)
    expect((await pulledManifest(app, 'shop/web', arm64.digest)).status).toBe(404)
    // the rest follows with another mirroring
    expect(await mirror(app, reference())).toMatchObject({ state: 'SUCCEEDED', manifestCount: 5 })
    expect((await pulledManifest(app, 'shop/web', arm64.digest)).status).toBe(200)
  })

  test('takes another spelling of a platform, and names those of the index for one that it lacks', async () => {
    expect((await mirror(app, reference(), { platforms: ['linux/aarch64'] })).state).toBe('SUCCEEDED')

    expect(await mirror(app, reference(), { platforms: ['linux/s390x'], tag: 'other' })).toMatchObject({
      state: 'FAILED',
      reason: 'INVALID_MANIFEST',
      message: 'the index has no image for linux/s390x, only for linux/amd64, linux/arm64/v8',
    })
    expect(await tagsOf(app, 'shop/web')).toEqual(['v1'])
  })

  test('copies an image for one platform, into a tag that is named with its stream', async () => {
    upstream.push('library/ruby', 'slim', amd64)
    const input = {
      imageStream: 'ruby:slim',
      from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/library/ruby:slim` },
    }

    const { imageMirroring } = await mirrorImage(app, input)

    expect(imageMirroring).toMatchObject({ state: 'SUCCEEDED', repository: 'default/ruby', tag: 'slim' })
    expect((await pulledManifest(app, 'default/ruby', 'slim')).digest).toBe(amd64.digest)
  })

  test('does not fetch what this server has, in this or another repository', async () => {
    await mirror(app, reference())
    upstream.reset()

    const again = await mirror(app, reference(), { tag: 'v2' })
    const elsewhere = await mirror(app, reference(), { namespace: 'other', imageStream: 'app' })

    for (const done of [again, elsewhere]) {
      expect(done).toMatchObject({ state: 'SUCCEEDED', storedBlobCount: 9, fetchedSize: 0 })
    }
    expect(upstream.requests.blob).toBe(0)
    expect((await pulledBlob(app, 'other/app', amd64.config.digest)).status).toBe(200)
  })

  test('with `from` a tag of a stream copies the image that it points to, from where it is', async () => {
    await app.client.request(
      `mutation ($from: String!) { importImage(input: { imageStream: "ruby", tag: "3.3", from: $from, confirm: true,
        importMode: PRESERVE_ORIGINAL }) { import { state } } }`,
      { from: reference() },
    )
    const tag = { kind: 'IMAGE_STREAM_TAG', namespace: 'default', name: 'ruby:3.3' }

    const { imageMirroring } = await mirrorImage(app, inputOf('', { from: tag }))

    expect(imageMirroring).toMatchObject({
      state: 'SUCCEEDED',
      source: `${upstream.host}/library/ruby@${ruby.digest}`,
      digest: ruby.digest,
    })
    // a copy of the copy needs no request
    await upstream[Symbol.asyncDispose]()
    const own = { kind: 'IMAGE_STREAM_TAG', namespace: 'shop', name: 'web:v1' }
    const copy = { namespace: 'live', imageStream: 'web', tag: 'now', from: own }
    expect((await mirrorImage(app, copy)).imageMirroring).toMatchObject({
      state: 'SUCCEEDED',
      fetchedSize: 0,
    })
    expect((await pulledBlob(app, 'live/web', amd64.config.digest)).status).toBe(200)
  })

  test('dryRun reports what would be fetched, and stores nothing', async () => {
    await mirror(app, reference(), { platforms: ['linux/amd64'] })
    upstream.reset()

    const { plan, imageMirroring } = await mirrorImage(app, inputOf(reference(), { tag: 'v2', dryRun: true }))

    expect(plan).toMatchObject({ digest: ruby.digest, manifestCount: 5, blobCount: 9, fetchBlobCount: 4 })
    expect(imageMirroring).toBeNull()
    expect(upstream.requests.blob).toBe(0)
    expect(await tagsOf(app, 'shop/web')).toEqual(['v1'])
    expect(await app.client.request('{ imageMirrorings { totalCount } }')).toEqual({
      imageMirrorings: { totalCount: 1 },
    })
    const missing = inputOf(`${upstream.host}/library/none:1`, { dryRun: true })
    expect(await refused(app, missing)).toEqual([expect.objectContaining({ code: 'REGISTRY_ERROR' })])
  })

  test('a missing image is the state FAILED with its reason, and moves no tag', async () => {
    expect(await mirror(app, `${upstream.host}/library/ruby:none`)).toMatchObject({
      state: 'FAILED',
      reason: 'NOT_FOUND',
      message: expect.stringContaining(upstream.host),
      digest: null,
    })
    expect(await tagsOf(app, 'shop/web')).toBeNull()
  })

  test('a platform that the registry lacks fails, and the message says to choose others', async () => {
    upstream.remove('library/ruby', arm64.digest)

    expect(await mirror(app, reference())).toMatchObject({
      state: 'FAILED',
      reason: 'NOT_FOUND',
      message: expect.stringContaining('linux/arm64: choose other platforms'),
    })
    expect(await mirror(app, reference(), { platforms: ['linux/amd64'] })).toMatchObject({
      state: 'SUCCEEDED',
    })
  })

  test.each([401, 403, 404])(
    'copies an image without its foreign layer where the source responds with %i',
    async (status) => {
      const foreign = { ...layer('windows'), mediaType: FOREIGN_LAYER }
      const urls = [`${upstream.url}/layer`]
      const { config } = amd64
      const descriptorOf = ({ mediaType, digest, bytes }: Content) => ({
        mediaType,
        digest,
        size: bytes.length,
      })
      const layers = [{ ...descriptorOf(foreign), urls }]
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: DOCKER_MANIFEST,
          config: descriptorOf(config),
          layers,
        }),
      )
      upstream.pushBlob('library/ruby', config)
      upstream.push('library/ruby', 'windows', { mediaType: DOCKER_MANIFEST, bytes, digest: digestOf(bytes) })
      upstream.hook = ({ reference: digest }) =>
        digest === foreign.digest ? { status, headers: {}, body: '' } : undefined

      expect(await mirror(app, `${upstream.host}/library/ruby:windows`)).toMatchObject({
        state: 'SUCCEEDED',
        storedBlobCount: 1,
      })
      expect((await pulledManifest(app, 'shop/web', 'v1')).digest).toBe(digestOf(bytes))
    },
  )

  test('an outdated resourceVersion is CONFLICT, also when the stream changes during the copy', async () => {
    await mirror(app, reference())
    const { imageStream } = await app.client.request<{ imageStream: { resourceVersion: string } }>(
      '{ imageStream(namespace: "shop", name: "web") { resourceVersion } }',
    )
    const { resourceVersion } = imageStream
    expect(await refused(app, inputOf(reference(), { resourceVersion: '99' }))).toEqual([
      { code: 'CONFLICT' },
    ])
    upstream.push('library/ruby', 'slim', image({ seed: 'slim', layers: [layer('slim')] }))
    const gate = upstream.hold(({ kind }) => kind === 'blob')
    const slim = `${upstream.host}/library/ruby:slim`
    const { id } = await mirror(app, slim, { resourceVersion, waitSeconds: 0 })
    await gate.arrived(1)

    await mirror(app, reference(), { tag: 'v2' })
    gate.open()

    expect(await ended(app, id)).toMatchObject({ state: 'FAILED', reason: 'CONFLICT' })
    expect((await pulledManifest(app, 'shop/web', 'v1')).digest).toBe(ruby.digest)
  })

  test('refuses an invalid tag, platform, wait, and a missing tag', async () => {
    const field = async (more: object) => refused(app, inputOf(reference(), more))
    expect(await field({ tag: 'a b' })).toEqual([{ code: 'INVALID', field: 'tag' }])
    expect(await field({ platforms: ['linux'] })).toEqual([{ code: 'INVALID', field: 'platforms.0' }])
    expect(await field({ waitSeconds: 301 })).toEqual([{ code: 'INVALID', field: 'waitSeconds' }])
    expect(await field({ from: { kind: 'DOCKER_IMAGE', name: 'A' } })).toEqual([
      { code: 'INVALID', field: 'from.name' },
    ])
    expect(await field({ tag: null })).toEqual([{ code: 'INVALID', field: 'tag' }])
    const none = { kind: 'IMAGE_STREAM_TAG', namespace: 'no', name: 'no:no' }
    expect(await field({ from: none })).toEqual([{ code: 'NOT_FOUND' }])
  })
})

describe('referrers', () => {
  const signatureOf = (subject: Image | typeof ruby, seed: string) =>
    artifact({
      subject,
      artifactType: 'application/vnd.example.signature',
      layers: [{ mediaType: 'application/octet-stream', bytes: Buffer.from(seed) }],
    })

  test('are copied if wanted: of the index, of a platform, of another referrer, and under cosign’s tags', async () => {
    const attached = new Attached(upstream, 'library/ruby')
    const ofIndex = attached.add(signatureOf(ruby, 'index'))
    const ofPlatform = attached.add(signatureOf(arm64, 'platform'))
    const ofReferrer = attached.add(signatureOf(asImage(ofIndex), 'referrer'))
    const cosign = artifact({
      subject: null,
      layers: [{ mediaType: 'application/octet-stream', bytes: Buffer.from('cosign') }],
    })
    const cosignTag = `sha256-${ruby.digest.slice('sha256:'.length)}.sig`
    for (const blob of cosign.blobs) upstream.pushBlob('library/ruby', blob)
    upstream.push('library/ruby', cosignTag, cosign)

    expect(await mirror(app, reference())).toMatchObject({ state: 'SUCCEEDED', manifestCount: 5 })
    expect(await mirror(app, reference(), { includeReferrers: true })).toMatchObject({
      state: 'SUCCEEDED',
      manifestCount: 9,
    })

    await upstream[Symbol.asyncDispose]()
    for (const { digest, blobs } of [ofIndex, ofPlatform, ofReferrer, cosign]) {
      expect(await pulledManifest(app, 'shop/web', digest)).toEqual({ status: 200, digest })
      for (const blob of blobs) expect((await pulledBlob(app, 'shop/web', blob.digest)).status).toBe(200)
    }
    expect((await pulledManifest(app, 'shop/web', cosignTag)).digest).toBe(cosign.digest)
    const listed = await fetch(`${app.app.url}/v2/shop/web/referrers/${ruby.digest}`)
    expect(await listed.json()).toMatchObject({ manifests: [{ digest: ofIndex.digest }] })
  })

  test('that do not exist or refer to another image are left out', async () => {
    const attached = new Attached(upstream, 'library/ruby')
    const other = attached.addAs(ruby.digest, signatureOf(amd64, 'other'))
    const missing = attached.add(signatureOf(ruby, 'missing'))
    upstream.remove('library/ruby', missing.digest)

    const done = await mirror(app, reference(), { includeReferrers: true, platforms: ['linux/arm64'] })

    expect(done).toMatchObject({ state: 'SUCCEEDED', manifestCount: 3 })
    expect((await pulledManifest(app, 'shop/web', other.digest)).status).toBe(404)
  })
})

describe('a mirroring', () => {
  test('with waitSeconds: 0 returns at once, and shows its progress until it ends', async () => {
    const gate = upstream.hold(
      ({ kind, reference: digest }) => kind === 'blob' && digest === arm64.config.digest,
    )

    const started = await mirror(app, reference(), { waitSeconds: 0 })
    await gate.arrived(1)

    expect(started).toMatchObject({ state: expect.stringMatching(/^(PENDING|RUNNING)$/), storedBlobCount: 0 })
    expect(await mirroringOf(app, started.id)).toMatchObject({ state: 'RUNNING', blobCount: 9 })
    expect(
      await app.client.request('{ imageMirrorings(state: RUNNING) { totalCount nodes { id } } }'),
    ).toEqual({
      imageMirrorings: { totalCount: 1, nodes: [{ id: started.id }] },
    })
    expect(await tagsOf(app, 'shop/web')).toBeNull()
    const counts = { web: 1, '*/w*': 1, 'shop/web:*': 1, 'shop/web:none': 0, 'elsewhere/web': 0 }
    for (const [imageStream, totalCount] of Object.entries(counts)) {
      const query =
        'query ($imageStream: String!) { imageMirrorings(imageStream: $imageStream) { totalCount } }'
      expect(await app.client.request(query, { imageStream }), imageStream).toEqual({
        imageMirrorings: { totalCount },
      })
    }
    gate.open()
    expect(await ended(app, started.id)).toMatchObject({ state: 'SUCCEEDED', storedBlobCount: 9 })
    expect(await app.client.request('{ imageMirrorings(namespace: "none") { totalCount } }')).toEqual({
      imageMirrorings: { totalCount: 0 },
    })
  })

  test('joins an unfinished one of the same request, and shares the blobs of one for another tag', async () => {
    const gate = upstream.hold(({ kind }) => kind === 'blob')
    const first = await mirror(app, reference(), { waitSeconds: 0 })
    const same = await mirror(app, reference(), { waitSeconds: 0 })
    const other = await mirror(app, reference(), { waitSeconds: 0, tag: 'v2', imageStream: 'other' })
    expect(same.id).toBe(first.id)
    expect(other.id).not.toBe(first.id)
    await gate.arrived(4)

    gate.open()

    expect(await ended(app, first.id)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await ended(app, other.id)).toMatchObject({ state: 'SUCCEEDED' })
    const requested = upstream.log
      .filter(({ kind }) => kind === 'blob')
      .map(({ reference: digest }) => digest)
    expect(requested).toHaveLength(new Set(requested).size)
  })

  test('can be cancelled: nothing moves, and the blob that is being fetched is dropped', async () => {
    const gate = upstream.hold(({ kind }) => kind === 'blob')
    const { id } = await mirror(app, reference(), { waitSeconds: 0 })
    await gate.arrived(1)

    const cancelled = await app.client.request(
      'mutation ($id: ID!) { cancelImageMirroring(input: { id: $id }) { imageMirroring { state reason } } }',
      { id },
    )

    expect(cancelled).toEqual({
      cancelImageMirroring: { imageMirroring: { state: 'CANCELLED', reason: null } },
    })
    gate.open()
    expect(await ended(app, id)).toMatchObject({ state: 'CANCELLED' })
    expect(await tagsOf(app, 'shop/web')).toBeNull()
    expect((await mirror(app, reference())).state).toBe('SUCCEEDED')
    expect((await mirroringOf(app, id)).state).toBe('CANCELLED')
  })

  test('continues after a restart of the server with the image that it found', async () => {
    const gate = upstream.hold(
      ({ kind, reference: digest }) => kind === 'blob' && digest === arm64.config.digest,
    )
    const { id } = await mirror(app, reference(), { waitSeconds: 0 })
    await gate.arrived(1)
    upstream.push('library/ruby', '3.3', amd64)

    await app.restart()
    gate.open()

    expect(await ended(app, id)).toMatchObject({
      state: 'SUCCEEDED',
      digest: ruby.digest,
      storedBlobCount: 9,
    })
    expect((await pulledManifest(app, 'shop/web', 'v1')).digest).toBe(ruby.digest)
  })
})

test('with an external registry mirrorImage is INVALID, and says what to use', async () => {
  await using external = await startApp({
    externalRegistry: new URL(upstream.url),
    webhookSecret: 'secret-of-the-registry',
  })

  expect(await refused(external, inputOf(reference()))).toEqual([{ code: 'INVALID', field: 'imageStream' }])
  expect(await external.client.request('{ imageMirrorings { totalCount } }')).toEqual({
    imageMirrorings: { totalCount: 0 },
  })
})
