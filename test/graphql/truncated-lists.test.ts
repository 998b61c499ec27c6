import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { createStream, importImage } from '../flows/operations.ts'
import { eventStream, iterate, post, take, wsClient } from '../http/clients.ts'
import { shared } from './shared.ts'

const TAGS = 60
const STREAMS = ['app', 'lib', 'web']

const world = shared(async () => {
  const upstream = await startUpstream()
  const app = await startApp()
  for (const name of STREAMS) {
    for (let n = 0; n < TAGS; n++) upstream.push(`team/${name}`, `v${n}`, image({ seed: 0 }))
    await createStream(app.client, {
      name,
      spec: { dockerImageRepository: `${upstream.host}/team/${name}` },
    })
    await importImage(app.client, { imageStream: name })
  }
  return {
    app,
    upstream,
    url: `${app.app.url}/graphql`,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
})

const MESSAGE = expect.stringMatching(
  /more than these 50 items: give "first" \(at most 500\).*"after".*endCursor/,
)
const CUT = { path: ['imageStream', 'tags'], returned: 50, count: 1, message: MESSAGE }
const QUERY = '{ imageStream(name: "app") { tags { nodes { tag } } } }'

const truncated = async (query: string): Promise<unknown> => {
  const { body } = await post(world().url, query)
  expect(body).toMatchObject({ data: expect.anything() })
  return body.extensions?.truncatedLists
}

test('a page that leaves items out without a size is reported with its path', async () => {
  expect(await truncated(QUERY)).toEqual([CUT])
  expect(await truncated(QUERY.replace('nodes { tag }', 'edges { cursor }'))).toEqual([CUT])
  expect(await truncated(QUERY.replace('tags', 'some: tags'))).toEqual([
    { ...CUT, path: ['imageStream', 'some'] },
  ])
  expect(
    await truncated(QUERY.replace('nodes {', 'pageInfo { hasNextPage } edges { cursor } nodes {')),
  ).toEqual([CUT])
})

test('a page is not reported that is complete, has a size, or has no selected items', async () => {
  const pages = ['first: 50', 'first: 1', 'last: 1', 'first: 500']
  for (const page of pages) expect(await truncated(QUERY.replace('tags', `tags(${page})`))).toBeUndefined()
  expect(await truncated('{ imageStreams { nodes { name } } }')).toBeUndefined()
  expect(await truncated('{ imageStream(name: "app") { tags { totalCount } } }')).toBeUndefined()
})

test('the last page of a list that is read with the default size is not reported', async () => {
  const { body } = await post(world().url, QUERY.replace('nodes', 'pageInfo { endCursor } nodes'))
  const { endCursor } = body.data.imageStream.tags.pageInfo
  expect(await truncated(QUERY.replace('tags', `tags(after: "${endCursor}")`))).toBeUndefined()
})

test('lists of one field are one report with their number', async () => {
  const lists = await truncated('{ imageStreams(first: 500) { nodes { tags { nodes { tag } } } } }')
  expect(lists).toEqual([
    { path: ['imageStreams', 'nodes', 0, 'tags'], returned: 50, count: STREAMS.length, message: MESSAGE },
  ])
})

test('at most ten fields are reported', async () => {
  const fields = Array.from({ length: 14 }, (_, n) => `f${n}: tags { nodes { tag } }`).join(' ')
  expect(await truncated(`{ imageStream(name: "app") { ${fields} } }`)).toHaveLength(10)
})

test('a document of image streams that leaves some out is reported', async () => {
  const documents = Array.from({ length: 51 }, (_, n) => ({
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { namespace: 'many', name: `s${n}` },
  }))
  await world().app.client.request(
    'mutation ($documents: String!) { applyImageStream(input: { documents: $documents }) { skipped { kind } } }',
    {
      documents: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents }),
    },
  )
  expect(await truncated('{ imageStreams(namespace: "many") { document } }')).toEqual([
    { ...CUT, path: ['imageStreams'] },
  ])
  expect(await truncated('{ imageStreams(namespace: "many", first: 51) { document } }')).toBeUndefined()
})

test('the response over a WebSocket and over an event stream has the report', async () => {
  const socket = wsClient(world().url.replace('http', 'ws'))
  expect(await take(iterate(socket, QUERY), 1)).toMatchObject([{ extensions: { truncatedLists: [CUT] } }])
  await socket.dispose()

  const { events, body } = await eventStream(world().url, QUERY)
  const { value } = await events.next()
  expect(JSON.parse(value?.data ?? '')).toMatchObject({ extensions: { truncatedLists: [CUT] } })
  body.destroy()
})

test('each event of a subscription has its own report', async () => {
  const { app, upstream, url } = world()
  const socket = wsClient(url.replace('http', 'ws'))
  const pushed = 'subscription { imagePushed { tag imageStream { tags { nodes { tag } } } } }'
  const events = await eventStream(url, pushed)
  upstream.push('team/app', 'v0', image({ seed: 1 }))
  upstream.push('team/app', 'v1', image({ seed: 1 }))
  await importImage(app.client, { imageStream: 'app' })
  for (const { value } of [await events.events.next(), await events.events.next()]) {
    const { extensions } = JSON.parse(value?.data ?? '')
    expect(extensions.truncatedLists).toEqual([{ ...CUT, path: ['imagePushed', 'imageStream', 'tags'] }])
  }
  events.body.destroy()

  const { imageStream } = await app.client.request<{ imageStream: { imports: { nodes: { id: string }[] } } }>(
    '{ imageStream(name: "app") { imports(first: 1) { nodes { id } } } }',
  )
  const progress =
    'subscription ($import: ID!) { importProgressed(id: $import) { results { nodes { tag } } } }'
  const id = imageStream.imports.nodes[0]?.id
  expect(await take(iterate(socket, progress, { import: id }), 1)).toMatchObject([
    { extensions: { truncatedLists: [{ path: ['importProgressed', 'results'], returned: 50, count: 1 }] } },
  ])
  await socket.dispose()
})
