import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream } from '../flows/operations.ts'

const content = image({ seed: 1 })

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
  upstream.push('team/app', 'latest', content)
})
afterEach(() => upstream[Symbol.asyncDispose]())

interface Stream {
  readonly document: string
  readonly dockerImageRepository: string
  readonly publicDockerImageRepository: string | null
  readonly source: { readonly dockerImageReference: string }
  readonly local: { readonly dockerImageReference: string }
}

/** The stream `shop/app` with one tag of each reference policy, and the pull specs of its images. */
async function streamOf({ client }: TestApp): Promise<Stream> {
  const from = { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app` }
  await createStream(client, {
    namespace: 'shop',
    spec: {
      dockerImageRepository: `${upstream.host}/team/app`,
      tags: [
        { name: 'source', from },
        { name: 'local', from, referencePolicy: { type: 'LOCAL' } },
      ],
    },
  })
  const { imageStream } = await client.request<{ imageStream: Stream }>(
    `{ imageStream(namespace: "shop", name: "app") { document
      dockerImageRepository publicDockerImageRepository
      source: tag(name: "source") { dockerImageReference } local: tag(name: "local") { dockerImageReference } } }`,
  )
  return imageStream
}

describe('with the integrated registry', () => {
  test('a stream is pulled from it, and a tag with the reference policy LOCAL by digest', async () => {
    await using app = await startApp()
    const host = `localhost:${new URL(app.app.url).port}`

    const stream = await streamOf(app)

    expect(stream).toMatchObject({
      dockerImageRepository: `${host}/shop/app`,
      publicDockerImageRepository: null,
    })
    expect(stream.source.dockerImageReference).toBe(`${upstream.host}/team/app@${content.digest}`)
    expect(stream.local.dockerImageReference).toBe(`${host}/shop/app@${content.digest}`)
  })

  test('its configured name is used', async () => {
    await using app = await startApp({ registryHost: 'images.example.org' })

    const stream = await streamOf(app)

    expect(stream).toMatchObject({
      dockerImageRepository: 'images.example.org/shop/app',
      publicDockerImageRepository: 'images.example.org/shop/app',
    })
    expect(stream.local.dockerImageReference).toBe(`images.example.org/shop/app@${content.digest}`)
  })
})

describe('with an external registry', () => {
  test('a stream is pulled from the repository of its spec, and each tag from its source', async () => {
    await using app = await startApp({
      externalRegistry: new URL(upstream.url),
      webhookSecret: 'a secret that is long enough',
    })
    const repository = `${upstream.host}/team/app`

    const stream = await streamOf(app)

    expect(stream.dockerImageRepository).toBe(repository)
    expect(JSON.parse(stream.document).status.dockerImageRepository).toBe(repository)
    for (const { dockerImageReference } of [stream.source, stream.local]) {
      expect(dockerImageReference).toBe(`${repository}@${content.digest}`)
    }
  })

  test('a stream without a repository is pulled from the external registry’s repository of its name', async () => {
    await using app = await startApp({
      externalRegistry: new URL(upstream.url),
      webhookSecret: 'a secret that is long enough',
    })
    await createStream(app.client, { namespace: 'shop', name: 'empty' })

    expect(
      await app.client.request('{ imageStream(namespace: "shop", name: "empty") { dockerImageRepository } }'),
    ).toEqual({ imageStream: { dockerImageRepository: `${upstream.host}/shop/empty` } })
  })
})
