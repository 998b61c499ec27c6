import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { Attached, artifact } from '../../fixtures/artifacts.ts'
import { keyPair } from '../../fixtures/authority.ts'
import { attestation, image, index } from '../../fixtures/random-image.ts'
import { bundleArtifact, bundleByKey } from '../../fixtures/signatures.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'
import { createStream, errorsOf } from '../../flows/operations.ts'

const app = image({ seed: 'app' })
const build = attestation(app)
const whole = index([app, build])

interface Page {
  readonly nodes: readonly Record<string, unknown>[]
  readonly totalCount: number
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
  readonly isComplete: boolean
  readonly checkedAt: string | null
  readonly reason: string | null
  readonly message: string | null
  readonly refused: readonly string[]
}
const PAGE = `nodes { digest kind artifactType predicateTypes mediaType size annotations { key value } created pullSpec tag source isConfirmed }
  totalCount pageInfo { hasNextPage endCursor } isComplete checkedAt reason message refused`

let upstream: Upstream
let server: TestApp
let attached: Attached
const signature = bundleArtifact(whole, bundleByKey(whole.digest, keyPair().privateKey))
const sbom = artifact({
  subject: whole,
  artifactType: 'application/spdx+json',
  annotations: { 'org.example': 'x' },
})

beforeAll(async () => {
  upstream = await startUpstream()
  attached = new Attached(upstream, 'team/app')
  upstream.push('team/app', 'latest', whole)
  attached.add(signature)
  attached.add(sbom)
  server = await startApp()
  await createStream(server.client, {
    spec: {
      dockerImageRepository: `${upstream.host}/team/app`,
      importPolicy: { importMode: 'PRESERVE_ORIGINAL' },
    },
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const listReferrers = async (args = ''): Promise<Page> => {
  const { imageStreamTag } = await server.client.request<{ imageStreamTag: { referrers: Page } }>(
    `{ imageStreamTag(name: "app:latest") { referrers${args} { ${PAGE} } } }`,
  )
  return imageStreamTag.referrers
}
const digests = ({ nodes }: Page) => nodes.map(({ digest }) => digest)
const sorted = (...values: readonly string[]) => values.toSorted()

describe('ImageStreamTag.referrers', () => {
  test('are signatures, SBOMs, and BuildKit’s attestations in the index, by digest', async () => {
    const { nodes, ...rest } = await listReferrers()
    const byDigest = new Map(nodes.map((node) => [node.digest, node]))

    expect(rest).toMatchObject({ totalCount: 3, isComplete: true, reason: null, message: null, refused: [] })
    expect(nodes.map(({ digest }) => digest)).toEqual(sorted(signature.digest, sbom.digest, build.digest))
    expect(byDigest.get(signature.digest)).toMatchObject({
      kind: 'SIGNATURE',
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      predicateTypes: ['https://sigstore.dev/cosign/sign/v1'],
      created: '2026-01-02T03:04:05.000Z',
      size: signature.bytes.length,
      pullSpec: `${upstream.host}/team/app@${signature.digest}`,
      source: 'API',
      tag: null,
      isConfirmed: true,
    })
    expect(byDigest.get(sbom.digest)).toMatchObject({
      kind: 'SBOM',
      annotations: [{ key: 'org.example', value: 'x' }],
      created: null,
    })
    expect(byDigest.get(build.digest)).toMatchObject({
      kind: 'ATTESTATION',
      source: 'INDEX',
      isConfirmed: true,
    })
  })

  test('are those of one kind or artifact type', async () => {
    expect(digests(await listReferrers('(kind: SBOM)'))).toEqual([sbom.digest])
    expect(digests(await listReferrers('(artifactType: "application/spdx+json")'))).toEqual([sbom.digest])
    expect(digests(await listReferrers('(artifactType: "application/none")'))).toEqual([])
  })

  test('are read in pages, in either direction', async () => {
    const all = digests(await listReferrers())
    const first = await listReferrers('(first: 2)')
    expect([digests(first), first.pageInfo.hasNextPage]).toEqual([all.slice(0, 2), true])
    const rest = await listReferrers(`(first: 2, after: "${first.pageInfo.endCursor}")`)
    expect([digests(rest), rest.pageInfo.hasNextPage]).toEqual([all.slice(2), false])
    expect(digests(await listReferrers('(last: 1)'))).toEqual(all.slice(2))
    expect(digests(await listReferrers(`(last: 5, before: "${rest.pageInfo.endCursor}")`))).toEqual(
      all.slice(0, 2),
    )
  })

  test('cost no request for an hour, and are requested at once with maxAgeSeconds 0', async () => {
    await listReferrers()
    upstream.reset()
    await listReferrers()
    expect(upstream.log).toEqual([])
    await listReferrers('(maxAgeSeconds: 0)')
    expect(upstream.log.filter(({ path }) => path.includes('/referrers/'))).toHaveLength(1)
  })

  test('are the earlier ones, with the reason, while the registry cannot be requested', async () => {
    const before = await listReferrers()
    upstream.hook = () => errorResponse(403, 'DENIED')
    const page = await listReferrers('(maxAgeSeconds: 0)')
    upstream.hook = attached.hook
    expect(page).toMatchObject({ nodes: before.nodes, reason: 'FORBIDDEN', message: expect.any(String) })
  })

  test.each(['maxAgeSeconds: -1', 'maxAgeSeconds: 99999999', 'first: 0', 'after: "x"'])(
    'refuse %s',
    async (args) => {
      const response = await server.client.execute(
        `{ imageStreamTag(name: "app:latest") { referrers(${args}) { totalCount } } }`,
      )
      expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: args.split(':')[0] }])
    },
  )
})

describe('referrers of an image', () => {
  test('are those in the repository where it was last found, and of a stream’s image in the stream’s repository', async () => {
    const tag = await listReferrers()
    const data = await server.client.request<{
      image: { referrers: Page }
      imageStreamImage: { referrers: Page }
    }>(
      `query ($digest: Digest!, $name: String!) {
        image(digest: $digest) { referrers { ${PAGE} } }
        imageStreamImage(name: $name) { referrers { ${PAGE} } } }`,
      { digest: whole.digest, name: `app@${whole.digest}` },
    )
    expect(digests(data.image.referrers)).toEqual(digests(tag))
    expect(data.imageStreamImage.referrers).toEqual(tag)
  })

  test('cost nothing if they are not selected: an import requests none', async () => {
    upstream.reset()
    await createStream(server.client, {
      name: 'other',
      spec: { dockerImageRepository: `${upstream.host}/team/app` },
    })
    expect(upstream.log.filter(({ path }) => /referrers|sha256-/.test(path))).toEqual([])
  })
})
