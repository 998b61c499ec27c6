import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Digest } from '../../../src/oci/digest.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image, index, layer } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'
import { ended, inputOf, type Mirroring, mirror, mirrorImage, mirroringOf, refused } from './mirror.ts'

const amd64 = image({ seed: 'amd64', layers: [layer('base'), layer('amd64')] })
const arm64 = image({
  seed: 'arm64',
  platform: { os: 'linux', architecture: 'arm64' },
  layers: [layer('base'), layer('arm64')],
})
const ruby = index([amd64, arm64])
const BLOBS = 5
const LOGIN = { username: 'pusher', password: 'secret of team' }

let source: Upstream
let target: Upstream
let app: TestApp
beforeEach(async () => {
  source = await startUpstream()
  source.push('library/ruby', '3.3', ruby)
  // everybody may pull, and the login may push
  target = await startUpstream({
    pushes: {},
    auth: { scheme: 'bearer', credentials: LOGIN },
  })
  app = await startApp()
})
afterEach(async () => {
  for (const one of [app, source, target]) await one[Symbol.asyncDispose]()
})

const setCredential = (namespace = 'team', login = LOGIN) =>
  app.client.request(
    'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { registryCredential { prefix } } }',
    { input: { namespace, prefix: target.host, ...login } },
  )

const toTarget = (more: object = {}) => ({
  namespace: 'team',
  toRepository: `${target.host}/team/ruby:v1`,
  from: { kind: 'DOCKER_IMAGE', name: `${source.host}/library/ruby:3.3` },
  ...more,
})
async function copied(more: object = {}): Promise<Mirroring> {
  const { imageMirroring } = await mirrorImage(app, toTarget(more))
  if (!imageMirroring) throw new Error('there is no mirroring')
  return imageMirroring
}
const blobsAt = (repository: string, digests: readonly Digest[]) =>
  digests.map((digest) => target.blob(repository, digest)?.length)
const blobsOf = [amd64, arm64].flatMap(({ config, layers }) => [config, ...layers])

describe('mirrorImage with toRepository', () => {
  test('copies an image of a third registry through this server, which stores nothing of it', async () => {
    await setCredential()

    const done = await copied()

    expect(done).toMatchObject({
      ...{ state: 'SUCCEEDED', repository: `${target.host}/team/ruby`, tag: 'v1', digest: ruby.digest },
      ...{ manifestCount: 3, blobCount: BLOBS, storedBlobCount: BLOBS, reason: null },
    })
    expect(done.fetchedSize).toBe(done.size)
    expect(target.tags('team/ruby')).toEqual(new Map([['v1', ruby.digest]]))
    expect(
      blobsAt(
        'team/ruby',
        blobsOf.map(({ digest }) => digest),
      ),
    ).toEqual(blobsOf.map(({ bytes }) => bytes.length))
    const usage = '{ integratedRegistry { usage { blobCount manifestCount } } imageStreams { totalCount } }'
    expect(await app.client.request(usage)).toEqual({
      integratedRegistry: { usage: { blobCount: 0, manifestCount: 0 } },
      imageStreams: { totalCount: 0 },
    })
  })

  test('copies an image of this server, with the default of the same tag', async () => {
    await setCredential()
    await mirror(app, `${source.host}/library/ruby:3.3`, { tag: 'prod' })
    await source[Symbol.asyncDispose]()

    const done = await copied({
      toRepository: `${target.host}/team/ruby`,
      from: { kind: 'IMAGE_STREAM_TAG', name: 'shop/web:prod' },
    })

    expect(done).toMatchObject({ state: 'SUCCEEDED', tag: 'prod' })
    expect(target.tags('team/ruby')).toEqual(new Map([['prod', ruby.digest]]))
  })

  test('copies a whole stream, and again only what has moved', async () => {
    await setCredential()
    for (const tag of ['v1', 'v2']) await mirror(app, `${source.host}/library/ruby:3.3`, { tag })
    const all = {
      toRepository: `${target.host}/team/web`,
      tags: '*',
      from: { kind: 'IMAGE_STREAM_TAG', name: 'shop/web' },
    }
    expect(await copied(all)).toMatchObject({ state: 'SUCCEEDED', tag: null })
    source.push('library/ruby', '3.3', amd64)
    await mirror(app, `${source.host}/library/ruby:3.3`, { tag: 'v2' })
    target.reset()

    const again = await copied(all)

    const counts = await app.client.request(
      'query ($id: ID!) { node(id: $id) { ... on ImageMirroring { tagCount copiedTagCount unchangedTagCount tags { nodes { tag state } } } } }',
      { id: again.id },
    )
    expect(counts).toEqual({
      node: {
        ...{ tagCount: 2, copiedTagCount: 1, unchangedTagCount: 1 },
        tags: {
          nodes: [
            { tag: 'v1', state: 'UNCHANGED' },
            { tag: 'v2', state: 'COPIED' },
          ],
        },
      },
    })
    expect(
      target.log.filter(({ path }) => path.endsWith('/manifests/v1')).map(({ method }) => method),
    ).toEqual(['HEAD'])
  })

  test('dryRun says how many bytes would be sent, and how many are there', async () => {
    await setCredential()
    target.push('team/ruby', null, amd64)

    const plan = await app.client.request(
      'mutation ($input: MirrorImageInput!) { mirrorImage(input: $input) { plan { blobCount size fetchBlobCount fetchSize presentSize } imageMirroring { id } imageStream { id } } }',
      { input: toTarget({ dryRun: true }) },
    )

    const bytes = (contents: readonly { bytes: Buffer }[]) =>
      contents.reduce((sum, one) => sum + one.bytes.length, 0)
    const present = [amd64.config, ...amd64.layers]
    const sent = [arm64.config, ...arm64.layers].filter(
      ({ digest }) => !present.some((one) => one.digest === digest),
    )
    expect(plan).toEqual({
      mirrorImage: {
        plan: {
          ...{ blobCount: BLOBS, fetchBlobCount: sent.length },
          ...{ size: bytes([...present, ...sent]), fetchSize: bytes(sent), presentSize: bytes(present) },
        },
        imageMirroring: null,
        imageStream: null,
      },
    })
    expect(target.requests).toMatchObject({ push: 0, upload: 0 })
  })

  test('without a credential, or with one of another namespace, fails with what to do', async () => {
    await setCredential('other')

    expect(await copied()).toMatchObject({
      state: 'FAILED',
      reason: 'UNAUTHORIZED',
      message: expect.stringContaining('setRegistryCredential'),
    })
    expect(
      target.log.map(({ headers }) => headers.authorization).filter((one) => one?.startsWith('Basic')),
    ).toEqual([])
    expect(target.tags('team/ruby').size).toBe(0)
  })

  test.each([
    ['UNAUTHORIZED', 401, 'UNAUTHORIZED'],
    ['FORBIDDEN', 403, 'DENIED'],
    ['IMMUTABLE', 412, 'PRECONDITION'],
    ['TOO_LARGE', 413, 'SIZE_INVALID'],
  ])(
    'the outcome is %s where the registry responds with %i to the manifest',
    async (reason, status, code) => {
      await setCredential()
      target.hook = ({ method, kind }) =>
        method === 'PUT' && kind === 'push' ? errorResponse(status, code) : undefined

      expect(await copied()).toMatchObject({
        state: 'FAILED',
        reason,
        message: expect.stringContaining(target.host),
      })
    },
  )

  test('waits as Retry-After says, and then continues', async () => {
    await setCredential()
    let refusals = 0
    target.hook = ({ method, kind }) =>
      kind === 'upload' && method !== 'GET' && refusals++ === 0
        ? { ...errorResponse(429, 'TOOMANYREQUESTS'), headers: { 'retry-after': '1' } }
        : undefined

    expect(await copied()).toMatchObject({ state: 'SUCCEEDED' })
    expect(refusals).toBeGreaterThan(1)
  })

  test('sends nothing to a blocked registry', async () => {
    await setCredential()
    await app.client.request(
      'mutation ($input: ConfigureRegistryInput!) { configureRegistry(input: $input) { registryConfiguration { prefix } } }',
      { input: { prefix: `${target.host}/team`, access: 'BLOCKED' } },
    )
    target.reset()

    expect(await copied()).toMatchObject({ state: 'FAILED', reason: 'BLOCKED' })
    expect(target.log).toEqual([])
  })

  test('can be followed and cancelled, and continues after a restart', async () => {
    await setCredential()
    const gate = target.hold(({ kind }) => kind === 'upload')
    const first = await copied({ waitSeconds: 0 })
    await gate.arrived(1)
    const cancelled = await app.client.request(
      'mutation ($id: ID!) { cancelImageMirroring(input: { id: $id }) { imageMirroring { state } } }',
      { id: first.id },
    )
    expect(cancelled).toEqual({ cancelImageMirroring: { imageMirroring: { state: 'CANCELLED' } } })
    const second = await copied({ waitSeconds: 0, tag: null })
    await gate.arrived(2)

    await app.restart()
    gate.open()

    expect(await ended(app, second.id)).toMatchObject({ state: 'SUCCEEDED', digest: ruby.digest })
    expect(await mirroringOf(app, first.id)).toMatchObject({ state: 'CANCELLED' })
    expect(target.tags('team/ruby').get('v1')).toBe(ruby.digest)
  })

  test('refuses two destinations, the source itself, this server, a digest, and two tags', async () => {
    const field = async (more: object) => refused(app, toTarget(more))
    const own = new URL(app.app.url).host
    const wrong = [{ code: 'INVALID', field: 'toRepository' }]
    expect(await field({ imageStream: 'app' })).toEqual(wrong)
    expect(await field({ toRepository: `${source.host}/library/ruby:3.3` })).toEqual(wrong)
    expect(await field({ toRepository: `${source.host}/library/ruby` })).toEqual(wrong)
    expect(await field({ toRepository: `localhost:${own.split(':')[1]}/team/ruby:v1` })).toEqual(wrong)
    expect(await field({ toRepository: `${target.host}/team/ruby@${ruby.digest}` })).toEqual(wrong)
    expect(await field({ tag: 'v2' })).toEqual(wrong)
    expect(await field({ toRepository: 'A' })).toEqual(wrong)
    expect(await field({ resourceVersion: '1' })).toEqual([{ code: 'INVALID', field: 'resourceVersion' }])
    expect(await field({ namespace: 'A b' })).toEqual([{ code: 'INVALID', field: 'namespace' }])
    expect(await field({ tags: 'v*' })).toEqual([{ code: 'INVALID', field: 'tags' }])
  })

  test('a plain image stream as destination is as before', async () => {
    expect(await mirrorImage(app, inputOf(`${source.host}/library/ruby:3.3`))).toMatchObject({
      imageMirroring: { state: 'SUCCEEDED', repository: 'shop/web' },
    })
  })
})
