import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image, index, layer } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { MIRRORING, type Mirroring, pulledManifest, refused, tagsOf } from './mirror.ts'

const release = (name: string) => image({ seed: name, layers: [layer('base'), layer(name)] })
const NAMES = ['v1.0', 'v1.1', 'v2.0']

let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  upstream = await startUpstream()
  app = await startApp()
  for (const name of NAMES) upstream.push('team/app', name, release(name))
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const TAGS = 'tags { totalCount nodes { id source tag state digest reason message } }'
const MIRROR = `mutation ($input: MirrorImageInput!) { mirrorImage(input: $input) {
  imageMirroring { ${MIRRORING} tagPattern tagCount copiedTagCount unchangedTagCount failedTagCount skippedTagCount ${TAGS} }
  plan { digest manifestCount blobCount size fetchBlobCount fetchSize presentSize
    tags(first: 2) { totalCount pageInfo { endCursor hasNextPage } nodes { tag state digest fetchBlobCount } } } } }`

interface MirroredTag {
  readonly id: string
  readonly tag: string
  readonly state: string
}
type MirroringOfTags = Mirroring & { readonly tags: { readonly nodes: readonly MirroredTag[] } }
interface Mirrored {
  readonly imageMirroring: MirroringOfTags
  readonly plan: object | null
}

const fromRepository = (more: object = {}) => ({
  imageStream: 'mirrors/app',
  tags: 'v1.*',
  from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app` },
  ...more,
})
const run = async (input: object): Promise<Mirrored> =>
  (await app.client.request<{ mirrorImage: Mirrored }>(MIRROR, { input })).mirrorImage
const outcomesOf = ({ imageMirroring }: Mirrored) =>
  imageMirroring.tags.nodes.map(({ tag, state }) => `${tag} ${state}`)

describe('mirrorImage with tags', () => {
  test('copies the tags of a repository that match, each with its outcome', async () => {
    const done = await run(fromRepository())

    expect(done.imageMirroring).toMatchObject({
      ...{ state: 'SUCCEEDED', repository: 'mirrors/app', tag: null, tagPattern: 'v1.*' },
      ...{ source: `${upstream.host}/team/app`, digest: null },
      ...{ tagCount: 2, copiedTagCount: 2, failedTagCount: 0, manifestCount: 2, blobCount: 6 },
    })
    expect(outcomesOf(done)).toEqual(['v1.0 COPIED', 'v1.1 COPIED'])
    expect(await tagsOf(app, 'mirrors/app')).toEqual(['v1.0', 'v1.1'])
    expect((await pulledManifest(app, 'mirrors/app', 'v1.1')).digest).toBe(release('v1.1').digest)
  })

  test('again reports unchanged tags, and copies those that have moved and those that are new', async () => {
    await run(fromRepository())
    upstream.push('team/app', 'v1.1', release('v1.1 patched'))
    upstream.push('team/app', 'v1.2', release('v1.2'))

    const again = await run(fromRepository())

    expect(outcomesOf(again)).toEqual(['v1.0 UNCHANGED', 'v1.1 COPIED', 'v1.2 COPIED'])
    expect(again.imageMirroring).toMatchObject({ unchangedTagCount: 1, copiedTagCount: 2 })
  })

  test('copies all tags of a stream, wherever their images are', async () => {
    await run(fromRepository())
    await app.client.request(
      'mutation ($from: String!) { importImage(input: { imageStream: "mirrors/app", tag: "imported", from: $from, confirm: true }) { import { state } } }',
      { from: `${upstream.host}/team/app:v2.0` },
    )

    const from = { kind: 'IMAGE_STREAM_TAG', name: 'mirrors/app' }
    const done = await run({ imageStream: 'live/app', tags: '*', from })

    expect(done.imageMirroring).toMatchObject({ state: 'SUCCEEDED', source: 'mirrors/app', tagCount: 3 })
    expect(outcomesOf(done)).toEqual(['imported COPIED', 'v1.0 COPIED', 'v1.1 COPIED'])
    expect(await tagsOf(app, 'live/app')).toEqual(['imported', 'v1.0', 'v1.1'])
  })

  test('fails for single tags, whose reasons are data', async () => {
    const broken = index([
      release('one'),
      image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } }),
    ])
    upstream.push('team/app', 'v1.9', broken)
    upstream.remove('team/app', broken.manifests[1]?.digest ?? broken.digest)

    const done = await run(fromRepository())

    expect(done.imageMirroring).toMatchObject({
      ...{ state: 'FAILED', reason: 'NOT_FOUND', copiedTagCount: 2, failedTagCount: 1 },
      message: expect.stringMatching(/^1 of 3 tags failed; v1\.9: /),
    })
    expect(outcomesOf(done)).toEqual(['v1.0 COPIED', 'v1.1 COPIED', 'v1.9 FAILED'])
    const failed = await app.client.request(
      'query ($id: ID!) { node(id: $id) { ... on ImageMirroring { tags(state: FAILED) { totalCount nodes { tag reason message } } } } }',
      { id: done.imageMirroring.id },
    )
    expect(failed).toMatchObject({
      node: { tags: { totalCount: 1, nodes: [{ tag: 'v1.9', reason: 'NOT_FOUND' }] } },
    })
  })

  test('of which none matches, or of an unknown stream, is a failure', async () => {
    expect((await run(fromRepository({ tags: 'none-*' }))).imageMirroring).toMatchObject({
      ...{ state: 'FAILED', reason: 'NOT_FOUND', tagCount: 0 },
      message: `no image of ${upstream.host}/team/app has a tag that matches "none-*"`,
    })
    const from = { kind: 'IMAGE_STREAM_TAG', name: 'no/stream' }
    expect((await run({ imageStream: 'live/app', tags: '*', from })).imageMirroring).toMatchObject({
      ...{ state: 'FAILED', reason: 'NOT_FOUND', message: 'there is no image stream no/stream' },
    })
  })

  test('dryRun reports each tag in pages, blobs of several images once', async () => {
    await run(fromRepository({ tags: 'v1.0' }))

    const { plan, imageMirroring } = await run(fromRepository({ tags: 'v*', dryRun: true }))

    expect(imageMirroring).toBeNull()
    expect(plan).toMatchObject({
      ...{ digest: null, manifestCount: 3, blobCount: 7, fetchBlobCount: 4 },
      tags: {
        totalCount: 3,
        pageInfo: { hasNextPage: true },
        nodes: [
          { tag: 'v1.0', state: 'COPIED', digest: release('v1.0').digest, fetchBlobCount: 0 },
          { tag: 'v1.1', state: 'COPIED', fetchBlobCount: 2 },
        ],
      },
    })
    const { size, fetchSize, presentSize } = plan as Record<'size' | 'fetchSize' | 'presentSize', string>
    expect(Number(fetchSize) + Number(presentSize)).toBe(Number(size))
  })

  test('refuses a tag beside them, a source or destination with a tag, and an invalid pattern', async () => {
    const field = async (more: object) => refused(app, fromRepository(more))
    expect(await field({ tag: 'v1' })).toEqual([{ code: 'INVALID', field: 'tags' }])
    expect(await field({ imageStream: 'mirrors/app:v1' })).toEqual([
      { code: 'INVALID', field: 'imageStream' },
    ])
    expect(await field({ tags: 'v1 *' })).toEqual([{ code: 'INVALID', field: 'tags' }])
    for (const name of [`${upstream.host}/team/app:v1`, 'A']) {
      expect(await field({ from: { kind: 'DOCKER_IMAGE', name } })).toEqual([
        { code: 'INVALID', field: 'from.name' },
      ])
    }
    const image = { kind: 'IMAGE_STREAM_IMAGE', name: 'app@sha256:4f3c' }
    expect(await field({ from: image })).toEqual([{ code: 'INVALID', field: 'from.kind' }])
    const tag = { kind: 'IMAGE_STREAM_TAG', name: 'mirrors/app:v1' }
    expect(await field({ from: tag })).toEqual([{ code: 'INVALID', field: 'from.name' }])
    expect(await field({ imageStream: null })).toEqual([{ code: 'INVALID', field: 'imageStream' }])
  })

  test('continues after a restart with the tags that were listed', async () => {
    const gate = upstream.hold(({ kind }) => kind === 'blob')
    const { imageMirroring } = await run(fromRepository({ waitSeconds: 0 }))
    await gate.arrived(1)
    upstream.push('team/app', 'v1.5', release('v1.5'))

    await app.restart()
    gate.open()

    const done = app.client.follow<{ imageMirroringProgressed: MirroringOfTags & { tagCount: number } }>(
      `subscription ($id: ID!) { imageMirroringProgressed(id: $id) { ${MIRRORING} tagCount ${TAGS} } }`,
      { id: imageMirroring.id },
    )
    let last: object | undefined
    for await (const { imageMirroringProgressed } of done) last = imageMirroringProgressed
    expect(last).toMatchObject({ state: 'SUCCEEDED', tagCount: 2, storedBlobCount: 6, blobCount: 6 })
  })
})
