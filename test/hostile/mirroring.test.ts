import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import type { UpstreamRequest } from '../fixtures/upstream-request.ts'
import type { UpstreamResponse } from '../fixtures/upstream-response.ts'
import { errorsOf } from '../flows/operations.ts'
import {
  ended,
  mirror,
  mirroringOf,
  pulledBlob,
  pulledManifest,
  tagsOf,
} from '../graphql/mirroring/mirror.ts'

const noise = Array.from({ length: 4_000 }, (_, at) => (at * 7919).toString(36)).join('')
const large = layer(noise)
const web = image({ seed: 'web', layers: [layer('base'), large] })

let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  upstream = await startUpstream()
  app = await startApp()
  upstream.push('team/web', '1.0', web)
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
const reference = () => `${upstream.host}/team/web:1.0`

const isLarge = ({ kind, reference: digest }: UpstreamRequest): boolean =>
  kind === 'blob' && digest === large.digest

/** Changes the responses to requests of the large layer; `count` is the number of the request, from 1. */
function changeLarge(
  change: (response: UpstreamResponse, count: number, request: UpstreamRequest) => UpstreamResponse | 'reset',
): void {
  let count = 0
  upstream.hook = (request, response) => (isLarge(request) ? change(response, ++count, request) : undefined)
}

async function expectNothing(): Promise<void> {
  expect(await tagsOf(app, 'shop/web')).toBeNull()
  expect((await pulledManifest(app, 'shop/web', web.digest)).status).toBe(404)
  expect((await pulledBlob(app, 'shop/web', large.digest)).status).toBe(404)
  const { integratedRegistry } = await app.client.request<{ integratedRegistry: { uploads: object } }>(
    '{ integratedRegistry { uploads { totalCount } } }',
  )
  expect(integratedRegistry.uploads).toEqual({ totalCount: 0 })
}

describe('a registry that', () => {
  test('sends other bytes than the digest fails the mirroring, and nothing is kept of them', async () => {
    const other = Buffer.alloc(large.bytes.length, 'x')
    changeLarge((response) => ({ ...response, body: other }))

    expect(await mirror(app, reference())).toMatchObject({ state: 'FAILED', reason: 'INVALID_MANIFEST' })

    await expectNothing()
  })

  test('always cuts a blob fails the mirroring, and nothing is kept of it', async () => {
    changeLarge((response) => ({ ...response, body: large.bytes.subarray(0, 100), cut: true }))

    expect(await mirror(app, reference())).toMatchObject({
      state: 'FAILED',
      reason: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining(large.digest),
    })

    await expectNothing()
  })

  test('sends more bytes than the manifest says fails the mirroring', async () => {
    const { 'content-length': _length, ...headers } = { 'transfer-encoding': 'chunked', 'content-length': '' }
    changeLarge((response) => ({
      ...response,
      headers,
      body: Buffer.concat([large.bytes, Buffer.alloc(1 << 20)]),
    }))

    expect(await mirror(app, reference())).toMatchObject({ state: 'FAILED' })

    await expectNothing()
  })

  test('drops the connection in a blob, and supports ranges, is asked for the rest only', async () => {
    const half = large.bytes.length >> 1
    const ranges: (string | undefined)[] = []
    changeLarge((response, count, { headers }) => {
      ranges.push(headers.range)
      if (count === 1) return { ...response, body: large.bytes.subarray(0, half), cut: true }
      const range = `bytes ${half}-${large.bytes.length - 1}/${large.bytes.length}`
      return { status: 206, headers: { 'content-range': range }, body: large.bytes.subarray(half) }
    })

    expect(await mirror(app, reference())).toMatchObject({ state: 'SUCCEEDED' })

    expect(ranges).toEqual([undefined, `bytes=${half}-`])
    expect((await pulledBlob(app, 'shop/web', large.digest)).digest).toBe(large.digest)
  })

  test('drops the connection in a blob, and ignores ranges, is asked for all of it again', async () => {
    changeLarge((response, count) =>
      count === 1 ? { ...response, body: large.bytes.subarray(0, 100), cut: true } : response,
    )

    const done = await mirror(app, reference())

    expect(done).toMatchObject({ state: 'SUCCEEDED' })
    expect(done.fetchedSize).toBe(done.size)
    expect((await pulledBlob(app, 'shop/web', large.digest)).digest).toBe(large.digest)
  })

  test('sends a manifest with another digest fails the mirroring', async () => {
    upstream.hook = ({ kind, method }, response) =>
      kind === 'manifest' && method === 'GET'
        ? { ...response, body: image({ seed: 'other' }).bytes }
        : undefined

    expect(await mirror(app, reference())).toMatchObject({ state: 'FAILED', reason: 'INVALID_MANIFEST' })

    await expectNothing()
  })

  test('lists endless referrers of referrers is read to a limited depth', async () => {
    let count = 0
    upstream.hook = ({ path }) => {
      const subject = /\/referrers\/(.+)$/.exec(path)?.[1]
      if (!subject) return undefined
      count += 1
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"manifests": 1}' }
    }

    const done = await mirror(app, reference(), { includeReferrers: true })

    expect(done.state).toBe('FAILED')
    expect(count).toBeLessThan(10)
  })
})

describe('this server', () => {
  test('without enough disk space fails the mirroring before a blob is requested', async () => {
    await using full = await startApp({ minimumFreeBytes: Number.MAX_SAFE_INTEGER })

    expect(await mirror(full, reference())).toMatchObject({
      state: 'FAILED',
      reason: 'STORAGE_FULL',
      message: expect.stringContaining('the disk is full'),
    })

    expect(upstream.requests.blob).toBe(0)
    expect(await tagsOf(full, 'shop/web')).toBeNull()
  })

  test('refuses a blob that is larger than its maximum before it is requested', async () => {
    await using small = await startApp({ maximumBlobBytes: 1000 })

    expect(await mirror(small, reference())).toMatchObject({
      state: 'FAILED',
      message: expect.stringContaining('--maximum-blob-gib'),
    })

    expect(upstream.requests.blob).toBe(0)
  })

  test('collects no blob of a running mirroring; those whose lease is over are fetched again', async () => {
    const day = 24 * 60 * 60 * 1000
    let now = Date.now()
    await using moving = await startApp({}, { now: () => now })
    const collect = () =>
      moving.client.request(
        'mutation { collectGarbage(input: { dryRun: false }) { garbageCollection { blobCount } } }',
      )
    const gate = upstream.hold(isLarge)
    const { id } = await mirror(moving, reference(), { waitSeconds: 0 })
    await gate.arrived(1)
    await until(async () => (await mirroringOf(moving, id)).storedBlobCount === 2)

    now += day / 2
    expect(await collect()).toEqual({ collectGarbage: { garbageCollection: { blobCount: 0 } } })
    // a suspended machine, for example
    now += 3 * day
    expect(await collect()).toEqual({ collectGarbage: { garbageCollection: { blobCount: 2 } } })
    gate.open()

    expect(await ended(moving, id)).toMatchObject({ state: 'SUCCEEDED', storedBlobCount: 3 })
    for (const { digest } of [web.config, ...web.layers]) {
      expect((await pulledBlob(moving, 'shop/web', digest)).digest).toBe(digest)
    }
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}

describe('a registry that never responds', () => {
  beforeEach(() => {
    upstream.hook = () => 'silence'
  })

  test('has a thousand mirrorings at most, also where they are requested again and again', async () => {
    const mutations = (from: number, count: number) =>
      `mutation { ${Array.from(
        { length: count },
        (_, at) =>
          `a${at}: mirrorImage(input: { imageStream: "shop/web-${from + at}:v1", waitSeconds: 0
            from: { kind: DOCKER_IMAGE, name: "${reference()}" } }) { imageMirroring { id } }`,
      ).join(' ')} }`
    for (let from = 0; from < 1_000; from += 20) await app.client.request(mutations(from, 20))

    // on a busy machine a few of them have ended by their time-outs
    let refusal: readonly object[] = []
    let next = 1_000
    while (refusal.length === 0 && next < 1_500)
      refusal = errorsOf(await app.client.execute(mutations(next++, 1)))
    expect(refusal).toEqual([{ code: 'INVALID', field: 'imageStream' }])
    // one that waits already is joined
    await app.client.request(mutations(next - 2, 1))
  })
})
