import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { createStream, deleteStream, follow } from './operations.ts'

const IDS = `query ($name: String!) {
  imageStream(name: $name) {
    id
    tag(name: "latest") { id image { id } }
    imports { nodes { id } }
  }
  imagePushes { nodes { id } }
}`

interface Ids {
  readonly imageStream: {
    readonly id: string
    readonly tag: { readonly id: string; readonly image: { readonly id: string } }
    readonly imports: { readonly nodes: readonly { readonly id: string }[] }
  }
  readonly imagePushes: { readonly nodes: readonly { readonly id: string }[] }
}

async function startWithStream() {
  const upstream = await startUpstream()
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  const app = await startApp()
  await follow(app.client, `${upstream.host}/team/app`)
  const { imageStream, imagePushes } = await app.client.request<Ids>(IDS, { name: 'app' })
  const ids = {
    ImageStream: imageStream.id,
    ImageStreamTag: imageStream.tag.id,
    Image: imageStream.tag.image.id,
    Import: imageStream.imports.nodes[0]?.id ?? '',
    ImagePush: imagePushes.nodes[0]?.id ?? '',
  }
  const node = async (id: string) => {
    const response = await app.client.request<{ node: { __typename: string; id: string } | null }>(
      'query ($id: ID!) { node(id: $id) { __typename id } }',
      { id },
    )
    return response.node
  }
  return {
    app,
    upstream,
    ids,
    node,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

test('node returns every kind of Node by its id, also after a restart', async () => {
  await using it = await startWithStream()

  expect(new Set(Object.values(it.ids)).size).toBe(5)
  for (const turn of ['first', 'restarted']) {
    if (turn === 'restarted') await it.app.restart()
    for (const [typeName, id] of Object.entries(it.ids)) {
      expect(await it.node(id)).toEqual({ __typename: typeName, id })
    }
  }
})

test('node returns the selected fields of the object', async () => {
  await using it = await startWithStream()

  const { node } = await it.app.client.request<{ node: object }>(
    `query ($id: ID!) { node(id: $id) { ... on ImageStreamTag { name image { digest } items { totalCount } } } }`,
    { id: it.ids.ImageStreamTag },
  )

  expect(node).toEqual({
    name: 'app:latest',
    image: { digest: image({ seed: 1 }).digest },
    items: { totalCount: 1 },
  })
})

test('node returns a deleted stream and its removed tags, even if a stream with the same name is created later', async () => {
  await using it = await startWithStream()

  await deleteStream(it.app.client)
  await createStream(it.app.client, { name: 'app' })

  // imports are those of streams that exist; the others remain until they are pruned
  expect(await it.node(it.ids.Import)).toBeNull()
  for (const typeName of ['ImageStream', 'ImageStreamTag', 'Image', 'ImagePush'] as const) {
    expect(await it.node(it.ids[typeName])).toMatchObject({ __typename: typeName, id: it.ids[typeName] })
  }
  const deleted = await it.app.client.request(
    'query ($stream: ID!, $tag: ID!) { stream: node(id: $stream) { ... on ImageStream { name deletionTimestamp } } tag: node(id: $tag) { ... on ImageStreamTag { tag removedAt } } }',
    { stream: it.ids.ImageStream, tag: it.ids.ImageStreamTag },
  )
  expect(deleted).toEqual({
    stream: { name: 'app', deletionTimestamp: expect.any(String) },
    tag: { tag: 'latest', removedAt: expect.any(String) },
  })
})

test('a push remains after its stream is deleted, without a link to it', async () => {
  await using it = await startWithStream()

  await deleteStream(it.app.client)

  const { node } = await it.app.client.request<{ node: object }>(
    'query ($id: ID!) { node(id: $id) { ... on ImagePush { imageStreamName tag imageStream { id } } } }',
    { id: it.ids.ImagePush },
  )
  expect(node).toEqual({ imageStreamName: 'app', tag: 'latest', imageStream: null })
})

const encoded = (text: string): string => Buffer.from(text).toString('base64url')

test.each([
  '',
  'nonsense',
  '%',
  encoded('ImageStream:'),
  encoded('ImageStream:99'),
  encoded('ImageStream:1e3'),
  encoded('ImageStream:constructor'),
  encoded('ImageStreamTag:1'),
  encoded('ImageStreamTag:1/none'),
  encoded('ImagePush:0'),
  encoded('Import:-1'),
  encoded('TagEvent:999'),
  encoded('__proto__:1'),
])('node is null for the unknown id "%s"', async (id) => {
  await using it = await startWithStream()

  expect(await it.node(id)).toBeNull()
})
