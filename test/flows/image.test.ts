import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { attestation, image, index, layer } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { createStream } from './operations.ts'

const amd64 = image({
  seed: 'amd64',
  layers: [layer('base'), layer('app'), layer('base')],
  env: ['APP_VERSION=7'],
  labels: { 'org.opencontainers.image.title': 'app' },
})
const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm', variant: 'v7' } })
const multi = index([amd64, arm, attestation(amd64)])

interface ImageAnswer {
  readonly digest: string
  readonly mediaType: string
  readonly manifest: string
  readonly dockerImageReference: string
  readonly created: string | null
  readonly size: number
  readonly platform: object | null
  readonly layers: readonly { digest: string; size: number; mediaType: string }[]
  readonly config: Readonly<Record<string, unknown>> | null
  readonly entries: readonly { digest: string; platform: object; image: { digest: string } | null }[]
}

const IMAGE = `{ digest mediaType manifest dockerImageReference created size platform { os architecture variant }
  layers { digest size mediaType }
  config { user workingDir env entrypoint cmd exposedPorts volumes labels { key value } stopSignal }
  entries { digest platform { os architecture variant } image { digest } } }`

async function imageOf({ client }: TestApp, name: string): Promise<ImageAnswer> {
  const { imageStreamTag } = await client.request<{ imageStreamTag: { image: ImageAnswer } }>(
    `query ($name: String!) { imageStreamTag(name: $name) { image ${IMAGE} } }`,
    { name },
  )
  return imageStreamTag.image
}

async function startWith(
  importMode: 'LEGACY' | 'PRESERVE_ORIGINAL',
  tag = multi as typeof amd64 | typeof multi,
) {
  const upstream = await startUpstream()
  upstream.push('team/app', 'latest', tag)
  const app = await startApp()
  const repository = `${upstream.host}/team/app`
  await createStream(app.client, {
    spec: { dockerImageRepository: repository, importPolicy: { importMode } },
  })
  return {
    upstream,
    app,
    repository,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const bytes = (...contents: readonly { bytes: Buffer }[]): number =>
  contents.reduce((sum, content) => sum + content.bytes.length, 0)

describe('an image', () => {
  test('has its digest, exact manifest, platform, size, layers and config', async () => {
    await using it = await startWith('LEGACY', amd64)

    const found = await imageOf(it.app, 'app:latest')

    expect(found).toMatchObject({
      digest: amd64.digest,
      mediaType: amd64.mediaType,
      manifest: amd64.bytes.toString(),
      dockerImageReference: `${it.repository}@${amd64.digest}`,
      created: '2024-01-01T00:00:00.000Z',
      platform: { os: 'linux', architecture: 'amd64', variant: null },
      entries: [],
    })
    // the base layer is listed twice and counted once
    const [base, top] = amd64.layers
    if (!base || !top) throw new Error('there are layers')
    expect(found.size).toBe(bytes(amd64, amd64.config, base, top))
    expect(found.layers).toEqual(
      amd64.layers.map(({ digest, mediaType, bytes: { length } }) => ({ digest, mediaType, size: length })),
    )
    expect(found.config).toEqual({
      user: null,
      workingDir: '/srv',
      env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'SEED=amd64', 'APP_VERSION=7'],
      entrypoint: ['/bin/start'],
      cmd: ['--serve'],
      exposedPorts: [],
      volumes: [],
      labels: [
        { key: 'test.seed', value: 'amd64' },
        { key: 'org.opencontainers.image.title', value: 'app' },
      ],
      stopSignal: null,
    })
  })

  test('can be read by its digest regardless of its stream, with every tag that points to it', async () => {
    await using it = await startWith('LEGACY', amd64)
    it.upstream.push('team/app', 'stable', amd64)
    await createStream(it.app.client, { name: 'other', spec: { dockerImageRepository: it.repository } })

    const { image } = await it.app.client.request<{ image: { tags: { nodes: { name: string }[] } } }>(
      'query ($digest: Digest!) { image(digest: $digest) { tags { totalCount nodes { name } } } }',
      { digest: amd64.digest },
    )

    expect(image.tags).toEqual({
      totalCount: 3,
      nodes: [{ name: 'app:latest' }, { name: 'other:latest' }, { name: 'other:stable' }],
    })
    const unknown = await it.app.client.request(`{ image(digest: "sha256:${'0'.repeat(64)}") { digest } }`)
    expect(unknown).toEqual({ image: null })
  })
})

describe('an index', () => {
  const platforms = [
    { digest: amd64.digest, platform: { os: 'linux', architecture: 'amd64', variant: null } },
    { digest: arm.digest, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
  ]

  test("is the tag's image in mode PRESERVE_ORIGINAL, with its platforms and their images", async () => {
    await using it = await startWith('PRESERVE_ORIGINAL')

    const found = await imageOf(it.app, 'app:latest')

    expect(found).toMatchObject({
      digest: multi.digest,
      mediaType: multi.mediaType,
      platform: null,
      config: null,
      layers: [],
      manifest: multi.bytes.toString(),
    })
    expect(found.entries).toMatchObject([
      ...platforms.map((platform) => ({ ...platform, image: { digest: platform.digest } })),
      // an attestation is listed but not imported as an image
      { platform: { os: 'unknown', architecture: 'unknown' }, image: null },
    ])
    const child = await it.app.client.request(
      'query ($digest: Digest!) { image(digest: $digest) { digest } }',
      {
        digest: arm.digest,
      },
    )
    expect(child).toEqual({ image: { digest: arm.digest } })
  })

  test('gives the tag its linux/amd64 image in mode Legacy, and keeps its own platforms', async () => {
    await using it = await startWith('LEGACY')

    expect(await imageOf(it.app, 'app:latest')).toMatchObject({ digest: amd64.digest, entries: [] })
    const { image: kept } = await it.app.client.request<{ image: ImageAnswer }>(
      `query ($digest: Digest!) { image(digest: $digest) ${IMAGE} }`,
      { digest: multi.digest },
    )
    expect(kept.entries.slice(0, 2)).toMatchObject(platforms)
  })

  test('gives a spec tag the platform of its annotations', async () => {
    await using it = await startWith('LEGACY')

    await createStream(it.app.client, {
      name: 'arm',
      spec: {
        tags: [
          {
            name: 'latest',
            from: { kind: 'DOCKER_IMAGE', name: `${it.repository}:latest` },
            annotations: [{ key: 'importer.image.openshift.io/prefer-arch', value: 'arm' }],
          },
        ],
      },
    })

    expect(await imageOf(it.app, 'arm:latest')).toMatchObject({
      digest: arm.digest,
      platform: { architecture: 'arm', variant: 'v7' },
    })
  })
})
