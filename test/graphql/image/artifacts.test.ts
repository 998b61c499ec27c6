import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OCI_CONFIG } from '../../../src/oci/media-types.ts'
import { tagOfReferrers } from '../../../src/oci/tag.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { artifact, asImage } from '../../fixtures/artifacts.ts'
import { PushClient } from '../../fixtures/push-client.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { follow } from '../../flows/operations.ts'

const HELM = 'application/vnd.cncf.helm.config.v1+json'
const SIGNED = 'application/vnd.dev.cosign.simplesigning.v1+json'
const app = image({ seed: 'app' })
const both = index([app])
const chart = asImage(artifact({ subject: null, configType: HELM }))
/** As cosign stores it: with the config of an image, and without a subject. */
const signature = asImage(
  artifact({
    subject: null,
    configType: OCI_CONFIG,
    layers: [{ mediaType: SIGNED, bytes: Buffer.from('{"critical":{}}') }],
  }),
)
const SIGNATURE_TAG = tagOfReferrers(app.digest, '.sig')

let server: TestApp
let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
  server = await startApp({ importMode: 'PreserveOriginal' })
  upstream.push('team/mixed', '1.0.0', app)
  upstream.push('team/mixed', '1.1.0', both)
  upstream.push('team/mixed', '2.0.0', chart)
  await follow(server.client, `${upstream.host}/team/mixed`, 'mixed')
  const registry = new PushClient(server.app.url)
  await registry.push({ repository: 'default/pushed', tag: 'v1' }, app, 'one POST')
  await registry.push({ repository: 'default/pushed', tag: SIGNATURE_TAG }, signature, 'one POST')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

interface Listed {
  readonly imageStream: {
    readonly tags: {
      readonly totalCount: number
      readonly nodes: readonly { readonly tag: string; readonly image: object }[]
    }
  }
}

async function tagsOf(stream: string, args: string): Promise<readonly (readonly [string, object])[]> {
  const { imageStream } = await server.client.request<Listed>(
    `{ imageStream(name: "${stream}") { tags(orderBy: NAME${args}) {
      totalCount nodes { tag image { kind artifactType } } } } }`,
  )
  const { totalCount, nodes } = imageStream.tags
  expect(nodes).toHaveLength(totalCount)
  return nodes.map(({ tag, image }) => [tag, image])
}

const IMAGE = { kind: 'IMAGE', artifactType: null }
const INDEX = { kind: 'INDEX', artifactType: null }

describe('an artifact', () => {
  test('is listed only on request, with its type', async () => {
    expect(await tagsOf('mixed', '')).toEqual([
      ['1.0.0', IMAGE],
      ['1.1.0', INDEX],
    ])
    expect(await tagsOf('mixed', ', artifacts: true')).toEqual([
      ['1.0.0', IMAGE],
      ['1.1.0', INDEX],
      ['2.0.0', { kind: 'ARTIFACT', artifactType: HELM }],
    ])
  })

  test('is found by name, and pushes of it say that it is one', async () => {
    const found = await server.client.request<object>(
      `{ imageStreamTag(name: "mixed:2.0.0") { image { kind } }
        imagePushes(imageStream: "mixed", tag: "2.0.0") { nodes { image { kind artifactType } } } }`,
    )
    expect(found).toEqual({
      imageStreamTag: { image: { kind: 'ARTIFACT' } },
      imagePushes: { nodes: [{ image: { kind: 'ARTIFACT', artifactType: HELM } }] },
    })
  })

  test.each([
    ['', '1.1.0'],
    ['artifacts: true', '2.0.0'],
  ])('is chosen by a policy only on request (%s)', async (more, chosen) => {
    for (const repository of ['', `repository: "${upstream.host}/team/mixed",`]) {
      const { setTagPolicy } = await server.client.request<{ setTagPolicy: object }>(
        `mutation { setTagPolicy(input: { imageStream: "mixed", tag: "newest", ${repository}
          policy: { order: SEMVER, ${more} } }) {
            imageStreamTag { spec { policy { artifacts } } } decision { chosen excluded { nodes { tag reason } } } } }`,
      )
      expect(setTagPolicy).toEqual({
        imageStreamTag: { spec: { policy: { artifacts: more !== '' } } },
        decision: { chosen, excluded: { nodes: more === '' ? [{ tag: '2.0.0', reason: 'ARTIFACT' }] : [] } },
      })
    }
  })
})

describe('a signature that is pushed under a tag of its image', () => {
  test('is not one of the images of the stream', async () => {
    expect(await tagsOf('pushed', '')).toEqual([['v1', IMAGE]])
    expect(await tagsOf('pushed', ', artifacts: true')).toEqual([
      [SIGNATURE_TAG, { kind: 'ARTIFACT', artifactType: SIGNED }],
      ['v1', IMAGE],
    ])
  })

  test('appears with its image', async () => {
    const { imageStreamTag } = await server.client.request<{
      imageStreamTag: { referrers: { nodes: object[] } }
    }>('{ imageStreamTag(name: "pushed:v1") { referrers { nodes { digest kind source tag } } } }')

    expect(imageStreamTag.referrers.nodes).toEqual([
      { digest: signature.digest, kind: 'SIGNATURE', source: 'COSIGN_TAG', tag: SIGNATURE_TAG },
    ])
  })

  test('can be pulled by its tag, which the registry lists', async () => {
    const list = await fetch(new URL('/v2/default/pushed/tags/list', server.app.url))
    const manifest = await fetch(new URL(`/v2/default/pushed/manifests/${SIGNATURE_TAG}`, server.app.url))

    expect(await list.json()).toMatchObject({ tags: [SIGNATURE_TAG, 'v1'] })
    expect(manifest.headers.get('docker-content-digest')).toBe(signature.digest)
  })
})
