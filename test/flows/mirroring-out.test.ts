import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { artifact, pushArtifact } from '../fixtures/artifacts.ts'
import { available, REGISTRY_CREDENTIALS, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Image, image, index, layer } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import {
  ended,
  MIRROR_IMAGE,
  type Mirroring,
  mirrorImage,
  pulledBlob,
  pulledManifest,
  tagsOf,
} from '../graphql/mirroring/mirror.ts'

const amd64 = image({ seed: 'amd64', layers: [layer('base'), layer('amd64')] })
const arm64 = image({
  seed: 'arm64',
  platform: { os: 'linux', architecture: 'arm64' },
  layers: [layer('base'), layer('arm64')],
})
const both = index([amd64, arm64])
const release = (name: string): Image => image({ seed: name, layers: [layer('base'), layer(name)] })

async function copied(app: TestApp, input: object): Promise<Mirroring> {
  const { imageMirroring } = await mirrorImage(app, input)
  if (!imageMirroring) throw new Error('there is no mirroring')
  return imageMirroring
}

const setCredential = ({ client }: TestApp, prefix: string, login: object) =>
  client.request(
    'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { registryCredential { prefix } } }',
    { input: { namespace: 'team', prefix, ...login } },
  )

const own = ({ app }: TestApp): string => `localhost:${new URL(app.url).port}`

test('a stream is copied to another server of this kind, with its signatures, and pulled there', async () => {
  await using upstream = await startUpstream()
  await using from = await startApp()
  await using to = await startApp()
  upstream.push('team/app', 'v1', both)
  upstream.push('team/app', 'v2', release('v2'))
  const signature = artifact({
    subject: both,
    artifactType: 'application/vnd.example.signature',
    layers: [{ mediaType: 'application/octet-stream', bytes: Buffer.from('signature') }],
  })
  pushArtifact(upstream, 'team/app', `sha256-${both.digest.slice('sha256:'.length)}.sig`, signature)
  const source = { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app` }
  const options = { namespace: 'team', tags: 'v*', includeReferrers: true }
  await copied(from, { ...options, imageStream: 'app', from: source })
  await upstream[Symbol.asyncDispose]()
  const out = {
    ...options,
    toRepository: `${own(to)}/live/app`,
    from: { kind: 'IMAGE_STREAM_TAG', name: 'team/app' },
  }

  const done = await copied(from, out)

  expect(done).toMatchObject({ state: 'SUCCEEDED', reason: null })
  expect((await tagsOf(to, 'live/app'))?.filter((tag) => tag.startsWith('v'))).toEqual(['v1', 'v2'])
  expect((await pulledManifest(to, 'live/app', 'v1')).digest).toBe(both.digest)
  for (const { digest } of [arm64.config, ...arm64.layers, ...signature.blobs]) {
    expect(await pulledBlob(to, 'live/app', digest)).toEqual({ status: 200, digest })
  }
  expect((await pulledManifest(to, 'live/app', signature.digest)).status).toBe(200)
  // the other server has recorded one push for each tag
  expect(await copied(from, { ...out, includeReferrers: false })).toMatchObject({
    state: 'SUCCEEDED',
    fetchedSize: 0,
  })
  const pushes = await to.client.request<{ imagePushes: { nodes: readonly { tag: string }[] } }>(
    '{ imagePushes { nodes { tag } } }',
  )
  expect(
    pushes.imagePushes.nodes
      .map(({ tag }) => tag)
      .filter((tag) => tag.startsWith('v'))
      .sort(),
  ).toEqual(['v1', 'v2'])
})

describe.skipIf(available() !== undefined)(available() ?? 'docker-registry', () => {
  test.each(['open', 'basic', 'tls'] as const)(
    'takes images of this server and of a third registry, %s',
    async (mode) => {
      await using registry = await startDockerRegistry(mode)
      await using upstream = await startUpstream()
      await using app = await startApp(mode === 'tls' ? { ca: [registry.ca] } : {})
      upstream.push('team/app', 'v1', both)
      if (mode === 'basic') await setCredential(app, registry.host, REGISTRY_CREDENTIALS)
      await new PushClient(app.app.url).push({ repository: 'team/web', tag: 'v1' }, amd64, 'one POST')
      const toRepository = `${registry.host}/live/app`
      const third = { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app:v1` }

      const ours = await copied(app, {
        ...{ namespace: 'team', toRepository, tag: 'ours' },
        from: { kind: 'IMAGE_STREAM_TAG', name: 'team/web:v1' },
      })
      const theirs = await copied(app, { namespace: 'team', toRepository, from: third })
      const again = await copied(app, { namespace: 'team', toRepository, from: third })

      expect(ours).toMatchObject({ state: 'SUCCEEDED', tag: 'ours', digest: amd64.digest })
      expect(theirs).toMatchObject({ state: 'SUCCEEDED', tag: 'v1', digest: both.digest })
      // the image of one platform was there, with its blobs
      expect(theirs.fetchedSize).toBeLessThan(Number(theirs.size))
      expect(again).toMatchObject({ state: 'SUCCEEDED', fetchedSize: 0 })
      const back = await copied(app, {
        ...{ namespace: 'team', imageStream: 'back', tag: 'v1' },
        from: { kind: 'DOCKER_IMAGE', name: `${toRepository}:v1` },
      })
      expect(back).toMatchObject({ state: 'SUCCEEDED', digest: both.digest })
      const plan = await mirrorImage(app, {
        ...{ namespace: 'team', toRepository: `${registry.host}/other/app`, dryRun: true, from: third },
      })
      expect(plan.plan).toMatchObject({ manifestCount: 3, blobCount: 5, fetchBlobCount: 5 })
    },
  )

  test('refuses a login with the reason and what to do', async () => {
    await using registry = await startDockerRegistry('basic')
    await using upstream = await startUpstream()
    await using app = await startApp()
    upstream.push('team/app', 'v1', amd64)
    await setCredential(app, registry.host, { username: 'reader', password: 'wrong' })

    const done = await copied(app, {
      ...{ namespace: 'team', toRepository: `${registry.host}/live/app` },
      from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app:v1` },
    })

    expect(done).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })
  })
})

const KILLS = repeats(3, 10)
const NAMES = Array.from({ length: 8 }, (_, number) => `v${number}`)

test(`tags that are copied to another registry all arrive, whole and as they were found, while the server is killed ${KILLS} times`, async () => {
  const random = randomNumbers(seedOf('mirroring out'))
  const dataFolder = await mkdtemp(join(tmpdir(), 'imagestreams-mirroring-out-'))
  await using source = await startUpstream()
  await using target = await startUpstream({ pushes: {} })
  for (const name of NAMES) source.push('team/app', name, release(name))
  const build = await buildServer()
  let id = ''
  for (let kills = 0; kills < KILLS; kills++) {
    // the server is killed when it has sent so many more requests of pushes
    const gate = target.hold(({ kind }) => kind === 'push' || kind === 'upload')
    await using server = await build.start({ DATA: dataFolder })
    if (kills === 0) {
      await using client = connect(server.url)
      const { mirrorImage: made } = await client.request<{ mirrorImage: { imageMirroring: Mirroring } }>(
        MIRROR_IMAGE,
        {
          input: {
            ...{ namespace: 'team', toRepository: `${target.host}/live/app`, tags: 'v*', waitSeconds: 0 },
            from: { kind: 'DOCKER_IMAGE', name: `${source.host}/team/app` },
          },
        },
      )
      id = made.imageMirroring.id
    }
    const requests = Math.floor(random() * 12)
    for (let at = 1; at <= requests; at++) {
      await gate.arrived(at)
      gate.release(1)
    }
    await gate.arrived(requests + 1)
    server.kill('SIGKILL')
    expect(await server.ended).toMatchObject({ end: 'SIGKILL' })
    gate.open()
  }

  await using app = await startApp({ dataFolder })
  expect(await ended(app, id)).toMatchObject({ state: 'SUCCEEDED' })
  expect(Object.fromEntries(target.tags('live/app'))).toEqual(
    Object.fromEntries(NAMES.map((name) => [name, release(name).digest])),
  )
  for (const name of NAMES) {
    const { config, layers } = release(name)
    for (const { digest, bytes } of [config, ...layers])
      expect(target.blob('live/app', digest)?.equals(bytes)).toBe(true)
  }
  const counts = await app.client.request<{ node: Record<string, number> }>(
    'query ($id: ID!) { node(id: $id) { ... on ImageMirroring { tagCount copiedTagCount unchangedTagCount failedTagCount } } }',
    { id },
  )
  const { tagCount, failedTagCount, copiedTagCount = 0, unchangedTagCount = 0 } = counts.node
  expect([tagCount, failedTagCount, copiedTagCount + unchangedTagCount]).toEqual([
    NAMES.length,
    0,
    NAMES.length,
  ])
  await rm(dataFolder, { recursive: true, force: true, maxRetries: 5 })
})
