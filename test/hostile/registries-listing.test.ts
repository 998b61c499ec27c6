import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { follow, importImage, pushLog, tagDigests } from '../flows/operations.ts'

const app = image({ seed: 'app' })
const other = image({ seed: 'other' })

let server: TestApp
let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
  upstream.push('team/app', 'good', app)
  server = await startApp()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('a malformed tag list', () => {
  const listing = (body: string, headers = {}): void => {
    upstream.hook = ({ kind }) =>
      kind === 'listing'
        ? { status: 200, headers: { 'content-type': 'application/json', ...headers }, body }
        : undefined
  }

  test('with nulls, duplicates and invalid names yields each valid tag once', async () => {
    upstream.push('team/app', 'latest', other)
    listing(
      JSON.stringify({
        tags: ['good', null, 'good', '', 7, {}, ['good'], 'not a tag', '../x', 'x'.repeat(129)],
      }),
    )

    const imported = await follow(server.client, `${upstream.host}/team/app`)

    // an empty name is a spec tag without a tag: latest
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 2, imported: 2 })
    expect([...(await tagDigests(server.client)).keys()]).toEqual(['latest', 'good'])
  })

  test.each([
    ['is cut off', '{"name":"team/app","tags":["good"', /not JSON, is truncated/],
    ['is a web page', '<!doctype html>', /web page/],
    ['is nested 65 levels deep', `{"tags":${'['.repeat(64)}${']'.repeat(64)}}`, /more than 64 levels/],
    ['has no tags', '{"name":"team/app"}', /no field "tags" with a list/],
    ['is a list', '["good"]', /no field "tags" with a list/],
    ['is empty', '', /not JSON/],
  ])('that %s is REGISTRY_UNAVAILABLE, and nothing is changed', async (_how, body, message) => {
    await follow(server.client, `${upstream.host}/team/app`)
    const log = await pushLog(server.client)
    listing(body)

    const imported = await importImage(server.client)

    expect(imported).toMatchObject({ state: 'FAILED', reason: 'REGISTRY_UNAVAILABLE', total: 0 })
    expect(imported.message).toMatch(message)
    expect(await pushLog(server.client)).toEqual(log)
    expect([...(await tagDigests(server.client)).keys()]).toEqual(['good'])
  })

  test('that links to its own beginning is read once', async () => {
    listing('{"tags":["good"]}', { link: '</v2/team/app/tags/list?n=1000>; rel="next"' })

    expect(await follow(server.client, `${upstream.host}/team/app`)).toMatchObject({
      state: 'SUCCEEDED',
      imported: 1,
    })
    expect(upstream.requests.listing).toBeLessThan(4)
  })

  test('that always links to a next page with the same tags is abandoned', async () => {
    let page = 0
    upstream.hook = ({ kind }) =>
      kind === 'listing'
        ? {
            status: 200,
            headers: { link: `</v2/team/app/tags/list?page=${++page}>; rel="next"` },
            body: '{"tags":["good"]}',
          }
        : undefined

    expect(await follow(server.client, `${upstream.host}/team/app`)).toMatchObject({ imported: 1 })
    expect(page).toBeLessThan(20)
  })

  test('that never ends is abandoned at a million tags, and nothing is imported', async () => {
    let page = 0
    upstream.hook = ({ kind }) => {
      if (kind !== 'listing') return undefined
      const tags = Array.from({ length: 100_000 }, (_, at) => `${page}-${at}`)
      const link = `</v2/team/app/tags/list?page=${++page}>; rel="next"`
      return { status: 200, headers: { link }, body: JSON.stringify({ tags }) }
    }

    const imported = await follow(server.client, `${upstream.host}/team/app`)

    expect(imported).toMatchObject({ state: 'FAILED', reason: 'REGISTRY_UNAVAILABLE', imported: 0 })
    expect(imported.message).toContain('more than 1000000 tags')
    expect(page).toBe(11)
  })
})

test('of 100,000 tags yields the most important ones if a maximum is set', async () => {
  await using limited = await startApp({ maximumTags: 20 })
  for (let at = 0; at < 100_000; at++) upstream.move('team/app', `1.${at}.0`, app.digest)
  upstream.move('team/app', 'latest', app.digest)

  const imported = await follow(limited.client, `${upstream.host}/team/app`)

  expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 20, imported: 20 })
  expect(imported.additionalTags.totalCount).toBe(100_002 - 20)
  expect([...(await tagDigests(limited.client)).keys()].slice(0, 3)).toEqual([
    'latest',
    '1.99999.0',
    '1.99998.0',
  ])
  expect(upstream.requests).toMatchObject({ listing: 101, head: 20, manifest: 1 })
})
