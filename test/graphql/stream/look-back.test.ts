import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { createStream, errorsOf, follow, importImage } from '../../flows/operations.ts'

const BEGAN = Date.UTC(2026, 0, 1)
const DAY = 24 * 60 * 60 * 1000
const [first, second] = [image({ seed: 1 }).digest, image({ seed: 2 }).digest]

let upstream: Upstream
let app: TestApp
let now = BEGAN
beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp({}, { now: () => now })
  upstream.push('team/app', 'latest', image({ seed: 1 }))
  await follow(app.client, `${upstream.host}/team/app`)
  now += DAY
  upstream.push('team/app', 'latest', image({ seed: 2 }))
  upstream.push('team/app', 'v1', image({ seed: 1 }))
  await importImage(app.client)
  now += DAY
  await follow(app.client, `${upstream.host}/team/app`, 'copy')
  await createStream(app.client, {
    name: 'waiting',
    spec: {
      tags: [{ name: 'next', from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app:none` } }],
    },
  })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const iso = (days: number): string => new Date(BEGAN + days * DAY).toISOString()

describe('at', () => {
  const read = async (name: string, time: string) => {
    const response = await app.client.execute<{ imageStreamTag: { at: unknown } | null }>(
      `query ($name: String!, $time: DateTime!) { imageStreamTag(name: $name) {
        at(time: $time) { created image { digest } imageStreamTag { name } } } }`,
      { name, time },
    )
    expect(errorsOf(response)).toEqual([])
    return response.data.imageStreamTag?.at
  }
  const event = (digest: string, days: number, name = 'app:latest') => ({
    created: iso(days),
    image: { digest },
    imageStreamTag: { name },
  })

  test('is the entry of the history that was the newest then, and null before the first', async () => {
    expect(await read('app:latest', iso(-0.001))).toBeNull()
    expect(await read('app:latest', iso(0))).toEqual(event(first, 0))
    expect(await read('app:latest', iso(0.999))).toEqual(event(first, 0))
    expect(await read('app:latest', '2026-01-02T01:00:00+01:00')).toEqual(event(second, 1))
    expect(await read('app:latest', '9999-12-31T23:59:59.999Z')).toEqual(event(second, 1))
    expect(await read('app:v1', iso(0.5))).toBeNull()
    expect(await read('waiting:next', iso(9))).toBeNull()
  })

  test.each(['yesterday', '2026-01-01', '2026-13-01T00:00:00Z', '2026-01-01T25:00:00Z', 5, null])(
    'of %j, which is not a time, is refused before anything is read',
    async (time) => {
      const { data, errors } = await app.client.execute(
        'query ($time: DateTime!) { imageStreamTag(name: "app:latest") { at(time: $time) { created } } }',
        { time },
      )

      expect(errors).toHaveLength(1)
      expect(data ?? null).toBeNull()
    },
  )
})

describe('tagsAt', () => {
  const read = async (time: string, matching: string | null = null) =>
    app.client.execute<{ imageStream: { tagsAt: unknown } }>(
      `query ($time: DateTime!, $matching: String) { imageStream(name: "app") {
        tagsAt(time: $time, matching: $matching) { totalCount nodes { imageStreamTag { tag } image { digest } } } } }`,
      { time, matching },
    )
  const tagWith = (tag: string, digest: string) => ({ imageStreamTag: { tag }, image: { digest } })

  test('is the image of each tag then, without the tags that had none yet', async () => {
    const tagsAt = async (...args: Parameters<typeof read>) => (await read(...args)).data.imageStream.tagsAt

    expect(await tagsAt(iso(-1))).toEqual({ totalCount: 0, nodes: [] })
    expect(await tagsAt(iso(0.5))).toEqual({ totalCount: 1, nodes: [tagWith('latest', first)] })
    const both = [tagWith('latest', second), tagWith('v1', first)]
    expect(await tagsAt(iso(1))).toEqual({ totalCount: 2, nodes: both })
    expect(await tagsAt(iso(1), 'v*')).toEqual({ totalCount: 1, nodes: [tagWith('v1', first)] })
  })

  test('refuses a pattern that is too long, and a page that is too large', async () => {
    expect(errorsOf(await read(iso(1), 'x'.repeat(2000)))).toEqual([{ code: 'INVALID', field: 'matching' }])
    const pages = `{ imageStreams(first: 500) { nodes { tagsAt(time: "${iso(1)}", first: 500) { nodes { created } } } } }`
    expect(errorsOf(await app.client.execute(pages))).toEqual([{ code: 'TOO_COMPLEX' }])
  })
})

describe('an image’s history', () => {
  test('contains every tag that ever pointed to it, in any stream, newest first', async () => {
    const { image } = await app.client.request<{ image: { history: unknown; tags: { totalCount: number } } }>(
      `query ($digest: Digest!) { image(digest: $digest) { tags { totalCount } history { totalCount nodes {
        created imageStreamTag { name imageStream { namespace name } } } } } }`,
      { digest: first },
    )

    const entry = (stream: string, tag: string, days: number) => ({
      created: iso(days),
      imageStreamTag: { name: `${stream}:${tag}`, imageStream: { namespace: 'default', name: stream } },
    })
    expect(image).toEqual({
      tags: { totalCount: 2 },
      history: {
        totalCount: 3,
        nodes: [entry('copy', 'v1', 2), entry('app', 'v1', 1), entry('app', 'latest', 0)],
      },
    })
  })

  test('of a dry run, which is not stored, is empty', async () => {
    upstream.push('team/app', 'fresh', image({ seed: 'fresh' }))
    const { id } = await importImage(app.client, { dryRun: true })

    const { node } = await app.client.request<{
      node: { results: { nodes: { tag: string; image: object }[] } }
    }>(
      `query ($id: ID!) { node(id: $id) { ... on Import { results { nodes { tag image {
        history { totalCount nodes { created } } } } } } } }`,
      { id },
    )

    expect(node.results.nodes.find(({ tag }) => tag === 'fresh')?.image).toEqual({
      history: { totalCount: 0, nodes: [] },
    })
  })
})
