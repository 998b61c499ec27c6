import { Pool } from 'undici'
import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image, index } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { type Client, clientOf } from '../registry/client.ts'
import { createStream, deleteStream } from './operations.ts'

// A push needs no preparation, and its image is available immediately.

/** Runs the callback with a registry client of the server, and closes its connections. */
async function withRegistry<Result>(
  app: TestApp,
  use: (registry: Client) => Promise<Result>,
): Promise<Result> {
  const pool = new Pool(app.app.url, { connections: 4 })
  try {
    return await use(clientOf(pool))
  } finally {
    await pool.close()
  }
}

interface Push {
  readonly cursor: string
  readonly source: string
  readonly tag: string
}

const PUSHED = `subscription { imagePushed { cursor source namespace imageStreamName tag dockerImageReference
  previousImage { digest }
  image { digest size platform { os architecture } config { env } } imageStream { uid } } }`

const LOG = '{ imagePushes { nodes { source namespace imageStreamName tag image { digest } } } }'

const TAGS = `query ($namespace: String!, $name: String!) {
  imageStream(namespace: $namespace, name: $name) {
    dockerImageRepository tags { nodes { tag image { digest } dockerImageReference items { totalCount } } }
  }
}`

const tagsOf = async ({ client }: TestApp, namespace: string, name: string) => {
  const { imageStream } = await client.request<{
    imageStream: {
      tags: { nodes: { tag: string; image: { digest: string }; dockerImageReference: string }[] }
    } | null
  }>(TAGS, { namespace, name })
  return imageStream?.tags.nodes
}

const one = image({ seed: 1 })
const two = image({ seed: 2 })

describe('a first push', () => {
  test('creates the repository and the stream, and subscribers receive the image with its details', async () => {
    await using app = await startApp()
    const pushed = app.client.follow<{ imagePushed: Push }>(PUSHED)[Symbol.asyncIterator]()
    const received = pushed.next()
    await app.client.request('{ integratedRegistry { kind } }')

    await withRegistry(app, (registry) => registry.push('shop/web', one, 'v1'))

    const { value } = await received
    const host = `localhost:${new URL(app.app.url).port}`
    expect(value?.imagePushed).toMatchObject({
      source: 'REGISTRY',
      namespace: 'shop',
      imageStreamName: 'web',
      tag: 'v1',
      dockerImageReference: `${host}/shop/web@${one.digest}`,
      previousImage: null,
      image: {
        digest: one.digest,
        size: expect.any(Number),
        platform: { os: 'linux', architecture: 'amd64' },
        config: { env: expect.arrayContaining(['SEED=1']) },
      },
      imageStream: { uid: expect.any(String) },
    })
    expect(await tagsOf(app, 'shop', 'web')).toMatchObject([
      { tag: 'v1', dockerImageReference: `${host}/shop/web@${one.digest}` },
    ])
    await pushed.return?.()
  })

  test('of a name without a namespace belongs to the namespace "default"', async () => {
    await using app = await startApp()
    await withRegistry(app, async (registry) => {
      await registry.push('web', one, 'v1')
      expect((await registry.get('/v2/default/web/manifests/v1')).bytes).toEqual(one.bytes)
    })
    expect(await tagsOf(app, 'default', 'web')).toMatchObject([{ tag: 'v1' }])
  })

  test('to an existing stream adds its tag to the others', async () => {
    await using upstream = await startUpstream()
    await using app = await startApp()
    upstream.push('team/app', 'latest', one)
    await createStream(app.client, { spec: { dockerImageRepository: `${upstream.host}/team/app` } })

    await withRegistry(app, async (registry) => {
      await registry.push('default/app', two, 'mine')
      // the registry does not serve imported tags of this stream
      expect((await registry.get('/v2/default/app/tags/list')).json).toEqual({
        name: 'default/app',
        tags: ['mine'],
      })
      expect((await registry.get('/v2/default/app/manifests/latest')).code).toBe('MANIFEST_UNKNOWN')
    })
    expect(await tagsOf(app, 'default', 'app')).toMatchObject([{ tag: 'latest' }, { tag: 'mine' }])
  })
})

describe('a pushed image', () => {
  test('remains after a restart, with its history and log', async () => {
    await using app = await startApp()
    await withRegistry(app, async (registry) => {
      await registry.push('shop/web', one, 'v1')
      await registry.push('shop/web', index([one, two]), 'v1')
    })
    await app.restart()
    await withRegistry(app, async (registry) => {
      for (const digest of [one.config.digest, ...two.layers.map((layer) => layer.digest)]) {
        expect((await registry.get(`/v2/shop/web/blobs/${digest}`)).status).toBe(200)
      }
      expect((await registry.get('/v2/shop/web/manifests/v1')).bytes).toEqual(index([one, two]).bytes)
    })
    const { imagePushes } = await app.client.request<{ imagePushes: { nodes: object[] } }>(LOG)
    expect(imagePushes.nodes).toMatchObject([
      { source: 'REGISTRY', tag: 'v1', image: { digest: one.digest } },
      { source: 'REGISTRY', tag: 'v1', image: { digest: index([one, two]).digest } },
    ])
  })

  test('is removed from the stream when it is deleted in the registry; the log remains', async () => {
    await using app = await startApp()
    await withRegistry(app, async (registry) => {
      await registry.push('shop/web', one, 'v1')
      await registry.push('shop/web', one, 'stable')
      await registry.push('shop/web', two, 'v2')

      await registry.delete('/v2/shop/web/manifests/stable')
      expect((await tagsOf(app, 'shop', 'web'))?.map(({ tag }) => tag)).toEqual(['v1', 'v2'])
      await registry.delete(`/v2/shop/web/manifests/${two.digest}`)
      expect((await tagsOf(app, 'shop', 'web'))?.map(({ tag }) => tag)).toEqual(['v1'])
    })
    const { imagePushes } = await app.client.request<{ imagePushes: { nodes: object[] } }>(LOG)
    expect(imagePushes.nodes).toHaveLength(3)
  })

  test('is removed with its stream, and can be pushed again', async () => {
    await using app = await startApp()
    await withRegistry(app, async (registry) => {
      await registry.push('web', one, 'v1')
      await deleteStream(app.client, 'web')
      expect((await registry.get('/v2/web/manifests/v1')).status).toBe(404)
      expect((await registry.get(`/v2/web/manifests/${one.digest}`)).status).toBe(404)
      expect((await registry.get(`/v2/web/blobs/${one.config.digest}`)).status).toBe(404)
      expect((await registry.get('/v2/_catalog')).json).toEqual({ repositories: [] })

      await registry.push('web', two, 'v1')
    })
    expect(await tagsOf(app, 'default', 'web')).toMatchObject([{ tag: 'v1', items: { totalCount: 1 } }])
  })
})

describe('an imported tag with referencePolicy Local', () => {
  const tags = (repository: string) => [
    {
      name: 'latest',
      from: { kind: 'DOCKER_IMAGE', name: `${repository}:latest` },
      referencePolicy: { type: 'LOCAL' },
    },
  ]

  test('is pulled through this server by its pull spec and fetched once, without a push event', async () => {
    await using upstream = await startUpstream()
    await using app = await startApp()
    const repository = `${upstream.host}/team/app`
    upstream.push('team/app', 'latest', one)
    await createStream(app.client, { spec: { tags: tags(repository) } })
    const host = `localhost:${new URL(app.app.url).port}`
    expect(await tagsOf(app, 'default', 'app')).toMatchObject([
      { tag: 'latest', dockerImageReference: `${host}/default/app@${one.digest}` },
    ])

    await withRegistry(app, async (registry) => {
      expect((await registry.get('/v2/default/app/manifests/latest')).bytes).toEqual(one.bytes)
      for (const { digest, bytes } of [one.config, ...one.layers]) {
        const pulled = await Promise.all(
          Array.from({ length: 5 }, () => registry.get(`/v2/default/app/blobs/${digest}`)),
        )
        for (const response of pulled) expect(response.bytes).toEqual(bytes)
      }
    })
    const { imagePushes } = await app.client.request<{ imagePushes: { nodes: object[] } }>(LOG)
    expect(imagePushes.nodes).toMatchObject([{ source: 'IMPORT' }])
  })
})
