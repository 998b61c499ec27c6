import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const SET = `mutation ($namespace: String!, $limits: QuotaLimitsInput) {
  setQuota(input: { namespace: $namespace, limits: $limits }) { quota { id namespace isOwn } }
}`
const CREATE = `mutation ($name: String!, $namespace: String) {
  createImageStream(input: { name: $name, namespace: $namespace }) { imageStream { id uid } }
}`
const USE = `query ($namespace: String) {
  quotas(namespace: $namespace) {
    totalCount
    nodes {
      id namespace isOwn maximumImageStreams maximumTags maximumSize requestsPerHour
      imageStreamCount tagCount size requestCount
    }
  }
}`
const TAGS = `query ($name: String!) {
  imageStream(namespace: "team", name: $name) { tags(first: 20) { nodes { name image { digest } conditions { reason message } } } }
}`
const IMPORT = `mutation ($imageStream: String!, $from: String!, $namespace: String) {
  importImage(input: { namespace: $namespace, imageStream: $imageStream, tag: "v1", from: $from, insecure: true, confirm: true, waitSeconds: 30 }) {
    import { state reason message results(first: 10) { nodes { tag state reason message } } }
  }
}`

interface Use {
  readonly quotas: { readonly totalCount: number; readonly nodes: readonly Record<string, unknown>[] }
}

let server: SignedInApp
let admin: GraphQLClient
let member: GraphQLClient
/** Half past ten. */
let now: number

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1, 10, 30)
  server = await startSignedInApp({ overrides: { now: () => now } })
  admin = server.as('admin')
  member = server.as('member')
})
afterEach(() => server[Symbol.asyncDispose]())

const setQuota = (limits: object | null, namespace = 'team') => admin.request(SET, { namespace, limits })
const create = (name: string, namespace = 'team') => admin.execute(CREATE, { name, namespace })
const useOf = async (namespace = 'team', client = member) =>
  (await client.request<Use>(USE, { namespace })).quotas.nodes[0]

describe('image streams', () => {
  test('a stream beyond the quota is refused with the quota, its use and its limit, and is not written', async () => {
    await setQuota({ maximumImageStreams: 2 })
    await create('one')
    await create('two')

    const refused = await create('three')

    expect(refused.errors).toMatchObject([
      {
        extensions: { code: 'FORBIDDEN' },
        message: expect.stringContaining('it has 2 of at most 2 image streams, and 1 more is needed'),
      },
    ])
    expect(await useOf()).toMatchObject({ imageStreamCount: 2, maximumImageStreams: 2, isOwn: true })
    expect((await create('three', 'other')).errors).toBeUndefined()
  })

  test('a deleted stream makes room, and is restored only where there is room', async () => {
    await setQuota({ maximumImageStreams: 1 })
    const { data } = await admin.execute<{ createImageStream: { imageStream: { uid: string } } }>(CREATE, {
      name: 'one',
      namespace: 'team',
    })
    await admin.request(
      'mutation { deleteImageStream(input: { namespace: "team", imageStream: "one" }) { deletedId } }',
    )
    expect((await create('two')).errors).toBeUndefined()

    const restored = await admin.execute(
      'mutation ($uid: String!) { restoreImageStream(input: { namespace: "team", uid: $uid }) { imageStream { id } } }',
      { uid: data?.createImageStream.imageStream.uid },
    )

    expect(restored.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    expect(await useOf()).toMatchObject({ imageStreamCount: 1 })
  })

  test('the quota of * applies to namespaces without their own, and again to one whose quota is removed', async () => {
    await setQuota({ maximumImageStreams: 0 }, '*')
    await setQuota({ maximumImageStreams: null })

    expect((await create('one')).errors).toBeUndefined()
    expect((await create('one', 'other')).errors).toHaveLength(1)
    await setQuota(null)
    expect((await create('two')).errors).toHaveLength(1)
    expect(await useOf()).toMatchObject({ isOwn: false, maximumImageStreams: 0, imageStreamCount: 1 })
  })
})

describe('reading quotas', () => {
  test('admins of a namespace read theirs, and nobody else does but server admins', async () => {
    await setQuota({ maximumTags: 5 })
    await setQuota({ maximumTags: 7 }, 'other')
    await setQuota({ maximumTags: 9 }, '*')

    const [all, own, foreign] = [
      await admin.request<Use>(USE),
      await member.request<Use>(USE),
      await server.as('stranger').request<Use>(USE),
    ]

    expect(all.quotas.nodes.map(({ namespace }) => namespace)).toEqual(['*', 'other', 'team'])
    expect(own.quotas).toMatchObject({ totalCount: 1, nodes: [{ namespace: 'team', maximumTags: 5 }] })
    expect(foreign.quotas).toEqual({ totalCount: 0, nodes: [] })
    await expect(useOf('other')).rejects.toThrow('the right "grant" is missing in namespace other')
    await expect(useOf('*')).rejects.toThrow('the right "grant" is missing in namespace *')
    const id = all.quotas.nodes[1]?.id
    const node = 'query ($id: ID!) { node(id: $id) { id } }'
    expect(await member.request(node, { id })).toEqual({ node: null })
    expect(await admin.request(node, { id })).toEqual({ node: { id } })
  })

  test('only server admins set quotas', async () => {
    const refused = await member.execute(SET, { namespace: 'team', limits: null })
    expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  })
})

describe('tags and content', () => {
  const push = (repository: string, tag: string, pushed = image({ seed: 'quota' })) =>
    new PushClient(server.url, { headers: server.headersOf('admin') }).push(
      { repository, tag },
      pushed,
      'one POST',
    )

  test('a push of a new tag beyond the quota is denied with 403 and stores nothing; known tags still move', async () => {
    await setQuota({ maximumTags: 1 })
    await push('team/app', 'v1')

    await expect(push('team/app', 'v2')).rejects.toThrow(/403[\s\S]*DENIED[\s\S]*1 of at most 1 tags/)
    await push('team/app', 'v1', image({ seed: 'moved' }))

    expect(await useOf()).toMatchObject({ tagCount: 1, imageStreamCount: 1 })
  })

  test('a tag that follows one of another namespace does not move beyond the quota; its condition says why', async () => {
    await create('base', 'other')
    await create('app')
    await admin.request(`mutation { updateImageStream(input: { namespace: "team", imageStream: "app", setTags: [
      { name: "base", from: { kind: IMAGE_STREAM_TAG, name: "base:stable", namespace: "other" } }] }) { imageStream { id } } }`)

    await setQuota({ maximumTags: 0 })

    await push('other/base', 'stable')

    const { imageStream } = await admin.request<{ imageStream: { tags: { nodes: object[] } } }>(TAGS, {
      name: 'app',
    })
    expect(imageStream.tags.nodes).toMatchObject([
      { name: 'app:base', image: null, conditions: [{ reason: 'QUOTA_EXCEEDED' }] },
    ])
  })

  test('blobs count once in a namespace, are refused beyond its quota, and can be removed to make room', async () => {
    await push('team/app', 'v1')
    const { size } = (await useOf()) as { size: string }
    await setQuota({ maximumSize: size })

    await push('team/copy', 'v1')
    await expect(push('team/app', 'v2', image({ seed: 'other' }))).rejects.toThrow(/403[\s\S]*DENIED/)

    expect(await useOf()).toMatchObject({ size, tagCount: 2 })
  })
})

describe('uploads of unknown length', () => {
  const LIMIT = 1_000_000
  const url = (path: string): string => new URL(path, server.url).href
  const send = (method: string, path: string, body?: RequestInit['body']) =>
    fetch(url(path), { method, headers: server.headersOf('admin'), ...(body && { body, duplex: 'half' }) })
  const start = async (repository = 'team/app') =>
    (await send('POST', `/v2/${repository}/blobs/uploads/`)).headers.get('location') ?? ''
  /** Appends bytes without a Content-Length, as docker does. */
  const append = async (location: string, bytes: number): Promise<number> => {
    const left = Array.from({ length: bytes / 50_000 }, () => Buffer.alloc(50_000))
    const body = new ReadableStream({
      pull(controller) {
        const chunk = left.pop()
        if (chunk) controller.enqueue(chunk)
        else controller.close()
      },
    })
    return (await send('PATCH', location, body)).status
  }
  const unfinished = async () =>
    (
      await admin.request<{ integratedRegistry: { uploads: { nodes: { size: string }[] } } }>(
        '{ integratedRegistry { uploads { nodes { size } } } }',
      )
    ).integratedRegistry.uploads.nodes.map(({ size }) => Number(size))

  beforeEach(() => setQuota({ maximumSize: LIMIT }))

  test('are refused when they exceed the quota, and leave no bytes', async () => {
    const location = await start()
    expect(await append(location, 800_000)).toBe(202)
    expect(await append(location, 800_000)).toBe(403)
    expect((await send('GET', location)).status).toBe(404)
    expect(await unfinished()).toEqual([])
  })

  test('share the room that is left, and finished ones do not count twice', async () => {
    const [one, other, foreign] = [await start(), await start('team/other'), await start('else/app')]
    expect(await append(one, 600_000)).toBe(202)
    expect(await append(other, 600_000)).toBe(403)
    expect(await append(foreign, 600_000)).toBe(202)
    const digest = digestOf(Buffer.alloc(600_000))
    expect((await send('PUT', `${one}?digest=${digest}`)).status).toBe(201)
    const last = await start()
    expect(await append(last, 400_000)).toBe(202)
    expect((await send('PUT', `${last}?digest=${digestOf(Buffer.alloc(400_000))}`)).status).toBe(201)
    expect(await useOf()).toMatchObject({ size: LIMIT })
  })

  test('that clients have abandoned make room', async () => {
    expect(await append(await start(), 600_000)).toBe(202)
    expect(await append(await start(), 600_000)).toBe(403)
    now += 11 * 60_000
    expect(await append(await start(), 600_000)).toBe(403)
    expect(await append(await start(), 600_000)).toBe(202)
    expect(await unfinished()).toEqual([600_000])
  })
})

describe('requests to other registries', () => {
  test('imports beyond the quota fail with the time of the next hour, send nothing, and work from then on', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', image({ seed: 'quota' }))
    await setQuota({ requestsPerHour: 0 })
    const from = `${upstream.host}/team/app:v1`
    const run = async (namespace = 'team') =>
      (
        await admin.request<{ importImage: { import: object } }>(IMPORT, {
          namespace,
          imageStream: 'app',
          from,
        })
      ).importImage.import

    const results = (failed: object) => ({ results: { nodes: [failed] } })
    expect(await run()).toMatchObject(
      results({
        tag: 'v1',
        state: 'FAILED',
        reason: 'QUOTA_EXCEEDED',
        message: expect.stringContaining('requests are sent again from 11:00 UTC'),
      }),
    )
    expect(Object.values(upstream.requests).every((count) => count === 0)).toBe(true)
    expect(await run('other')).toMatchObject(results({ state: 'IMPORTED' }))
    await setQuota({ requestsPerHour: 100 })
    expect(await run()).toMatchObject(results({ state: 'IMPORTED' }))
    expect(await useOf()).toMatchObject({ requestCount: expect.any(Number) })
    now += 30 * 60_000
    expect(await useOf()).toMatchObject({ requestCount: 0 })
  })
})
