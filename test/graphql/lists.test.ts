import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, errorsOf, follow, importImage } from '../flows/operations.ts'

let upstream: Upstream
let app: TestApp
beforeAll(async () => {
  let now = Date.UTC(2026, 0, 1)
  upstream = await startUpstream()
  app = await startApp({}, { now: () => now })
  for (const tag of ['1.9', '1.10', '1.10.0-rc.1', '1.10.0', 'v2.0', 'Zeta', 'alpha', 'latest']) {
    upstream.push('team/app', tag, image({ seed: 0 }))
  }
  await follow(app.client, `${upstream.host}/team/app`)
  for (const tag of ['1.9', 'alpha', 'v2.0']) {
    now += 1000
    upstream.push('team/app', tag, image({ seed: 1 }))
    await importImage(app.client)
  }
  for (const [name, labels] of Object.entries(STREAMS)) {
    await createStream(app.client, {
      name,
      labels: Object.entries(labels).map(([key, value]) => ({ key, value })),
    })
  }
  await createStream(app.client, { namespace: 'other', name: 'web', labels: [{ key: 'team', value: 'a' }] })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const STREAMS = {
  web: { team: 'a', tier: 'front' },
  'web-2': { team: 'b', tier: 'front' },
  worker: { team: 'a', tier: '' },
}

async function tags(args: string): Promise<readonly string[]> {
  const { imageStream } = await app.client.request<{
    imageStream: { tags: { totalCount: number; nodes: { tag: string }[] } }
  }>(`{ imageStream(name: "app") { tags(${args}) { totalCount nodes { tag } } } }`)
  const { nodes, totalCount } = imageStream.tags
  expect(totalCount).toBe(nodes.length)
  return nodes.map(({ tag }) => tag)
}

async function streams(args: string): Promise<readonly string[]> {
  const { imageStreams } = await app.client.request<{
    imageStreams: { totalCount: number; nodes: { namespace: string; name: string }[] }
  }>(`{ imageStreams(${args}) { totalCount nodes { namespace name } } }`)
  expect(imageStreams.totalCount).toBe(imageStreams.nodes.length)
  return imageStreams.nodes.map(({ namespace, name }) => `${namespace}/${name}`)
}

describe('tags', () => {
  test.each([
    ['first: 50', ['latest', 'v2.0', '1.10', '1.9', '1.10.0', '1.10.0-rc.1', 'Zeta', 'alpha']],
    ['orderBy: NAME', ['1.10', '1.10.0', '1.10.0-rc.1', '1.9', 'Zeta', 'alpha', 'latest', 'v2.0']],
    ['orderBy: SEMVER_DESC', ['v2.0', '1.10.0', '1.10', '1.10.0-rc.1', '1.9', 'Zeta', 'alpha', 'latest']],
  ])('(%s) come in this order', async (args, order) => {
    expect(await tags(args)).toEqual(order)
  })

  test('NEWEST_FIRST starts with the tag that changed last', async () => {
    expect((await tags('orderBy: NEWEST_FIRST')).slice(0, 3)).toEqual(['v2.0', 'alpha', '1.9'])
  })

  test.each([
    ['1.10*', ['1.10', '1.10.0', '1.10.0-rc.1']],
    ['*a', ['Zeta', 'alpha']],
    ['*1*0*', ['1.10', '1.10.0', '1.10.0-rc.1']],
    ['alpha', ['alpha']],
    ['Alpha', []],
    ['*', ['1.10', '1.10.0', '1.10.0-rc.1', '1.9', 'Zeta', 'alpha', 'latest', 'v2.0']],
  ])('matching "%s" are these', async (pattern, names) => {
    expect(await tags(`orderBy: NAME, matching: "${pattern}"`)).toEqual(names)
  })

  test('an invalid orderBy is refused', async () => {
    const response = await app.client.execute(
      '{ imageStream(name: "app") { tags(orderBy: SIZE) { totalCount } } }',
    )
    expect(response.errors).toHaveLength(1)
  })
})

describe('imageStreams', () => {
  test.each([
    ['first: 50', ['default/app', 'default/web', 'default/web-2', 'default/worker', 'other/web']],
    ['namespace: "other"', ['other/web']],
    ['namespace: "missing"', []],
    ['matching: "w*"', ['default/web', 'default/web-2', 'default/worker', 'other/web']],
    ['matching: "*-*"', ['default/web-2']],
    ['labels: [{ key: "team", value: "a" }]', ['default/web', 'default/worker', 'other/web']],
    ['labels: [{ key: "team", value: "a" }, { key: "tier", value: "front" }]', ['default/web']],
    ['labels: [{ key: "tier", value: "" }]', ['default/worker']],
    ['labels: [{ key: "team", value: "A" }]', []],
    ['labels: []', ['default/app', 'default/web', 'default/web-2', 'default/worker', 'other/web']],
    [
      'namespace: "default", matching: "web*", labels: [{ key: "tier", value: "front" }]',
      ['default/web', 'default/web-2'],
    ],
  ])('(%s) are these, by namespace and name', async (args, names) => {
    expect(await streams(args)).toEqual(names)
  })

  test.each([
    ['imageStreams(matching: "a b") { totalCount }', 'matching'],
    ['imageStreams(matching: "") { totalCount }', 'matching'],
    [`imageStreams(matching: "${'a'.repeat(256)}") { totalCount }`, 'matching'],
    ['imageStreams(namespace: "No") { totalCount }', 'namespace'],
    ['imageStream(name: "app") { tags(matching: "a[b") { totalCount } }', 'matching'],
    ['imagePushes(imageStream: "a b") { nodes { id } }', 'imageStream'],
    ['imagePushes(tag: "?") { nodes { id } }', 'tag'],
    ['imagePushes(namespace: "*") { nodes { id } }', 'namespace'],
  ])('and other lists refuse an invalid pattern: %s', async (query, field) => {
    expect(errorsOf(await app.client.execute(`{ ${query} }`))).toEqual([{ code: 'INVALID', field }])
  })

  test('refuse more labels than are allowed', async () => {
    const read = (count: number) =>
      app.client.execute(
        'query ($labels: [KeyValueInput!]) { imageStreams(labels: $labels) { totalCount } }',
        {
          labels: Array.from({ length: count }, (_, at) => ({ key: `k${at}`, value: '' })),
        },
      )

    expect((await read(20)).data).toEqual({ imageStreams: { totalCount: 0 } })
    for (const count of [21, 2000]) {
      expect(errorsOf(await read(count))).toEqual([{ code: 'INVALID', field: 'labels' }])
    }
  })
})
