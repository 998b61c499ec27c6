import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { RemoteLimits } from '../../../src/remote/traffic/limits.ts'
import { type Scripted, startScripted } from '../../fixtures/hostile-registry.ts'
import { image } from '../../fixtures/random-image.ts'
import { allTags, refusalOf, TestClient } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'

interface Page {
  readonly tags?: unknown
  readonly link?: string | string[]
  readonly status?: number
  readonly body?: string
}

/** A registry whose pages depend on the query alone. */
const startListing = (pageFor: (query: URLSearchParams) => Page): Promise<Scripted> =>
  startScripted((request: IncomingMessage, response: ServerResponse) => {
    const { tags, link, status = 200, body } = pageFor(new URL(request.url ?? '', 'http://x').searchParams)
    if (link) response.setHeader('link', link)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(body ?? JSON.stringify({ name: 'app', tags }))
  })

async function list(registry: Scripted, limits: Partial<RemoteLimits> = {}) {
  await using client = new TestClient({ limits })
  const tags = await allTags(client.repository(`${registry.host}/app`))
  return { tags, warnings: client.warnings.map(({ message }) => message) }
}

const queries = (registry: Scripted) => registry.requests.map(({ url }) => url)

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, at) => `v${String(from + at).padStart(6, '0')}`)

describe('a listing', () => {
  test('follows Link until there is none', async () => {
    await using upstream = await startUpstream({ pageSize: 10 })
    const app = image({ seed: 'app' })
    const names = numbered(35)
    for (const name of names) upstream.push('team/app', name, app)
    await using client = new TestClient()
    const pages: number[] = []
    for await (const page of client.repository(`${upstream.host}/team/app`).listTags())
      pages.push(page.names.length)
    expect(pages).toEqual([10, 10, 10, 5])
    expect(upstream.requests.listing).toBe(4)
    expect(upstream.log[0]?.query.get('n')).toBe('1000')
  })

  test.each([
    ['Quay, 50 a page whatever n is (regclient#272, lstags#185)', 50],
    ['more than 20 pages (renovate#9176, renovate#15080)', 45],
    ['more than 1,000 tags (image-reflector-controller#159)', 1000],
  ])('does not stop early: %s', async (_, size) => {
    const all = numbered(1050)
    await using registry = await startListing((query) => {
      const from = all.indexOf(query.get('last') ?? '') + 1
      const tags = all.slice(from, from + size)
      const isLast = from + size >= all.length
      return { tags, ...(!isLast && { link: `</v2/app/tags/list?n=1000&last=${tags.at(-1)}>; rel="next"` }) }
    })
    expect((await list(registry)).tags).toEqual(all)
    expect(registry.requests).toHaveLength(Math.ceil(1050 / size))
  })

  test('follows Link rel=next only, in any of several Link headers, quoted or not', async () => {
    await using registry = await startListing((query) =>
      query.get('last') === 'a'
        ? { tags: ['b'], link: '</v2/app/tags/list?last=0>; rel="prev"' }
        : {
            tags: ['a'],
            link: ['</v2/app/tags/list?last=z>; rel="first"', '</v2/app/tags/list?last=a>; rel=next'],
          },
    )
    expect((await list(registry)).tags).toEqual(['a', 'b'])
    expect(registry.requests).toHaveLength(2)
  })

  test.each([
    ['that is relative', '/v2/app/tags/list?last=a&n=1'],
    ['that is relative to the page', 'list?last=a&n=1'],
    [
      'whose scheme and host differ, as behind a TLS proxy (ggcr and oras error, renovate stops)',
      'http://10.0.0.1/v2/app/tags/list?last=a&n=1',
    ],
    ['that JFrog took the virtual-repo prefix from (RTFACT-18971)', '/v2/tags/list?last=a&n=1'],
  ])('follows a Link %s on its own path and origin', async (_, link) => {
    await using registry = await startListing((query) =>
      query.get('last') ? { tags: ['b'] } : { tags: ['a'], link: `<${link}>; rel="next"` },
    )
    expect((await list(registry)).tags).toEqual(['a', 'b'])
    expect(registry.requests[1]?.url).toBe('/v2/app/tags/list?last=a&n=1')
  })

  test('with more than n tags in a page is complete: docker-registry 2.8.2 ignores n and last', async () => {
    await using registry = await startListing(() => ({ tags: numbered(25) }))
    expect((await list(registry, { pageSize: 10 })).tags).toHaveLength(25)
    expect(registry.requests).toHaveLength(1)
  })

  test('of exactly n tags and no Link is probed with last=, and ends when no new tag appears', async () => {
    await using registry = await startListing(() => ({ tags: numbered(10) }))
    const { tags, warnings } = await list(registry, { pageSize: 10 })
    expect(tags).toHaveLength(10)
    expect(warnings).toEqual([])
    expect(queries(registry)).toEqual(['/v2/app/tags/list?n=10', '/v2/app/tags/list?n=10&last=v000009'])
  })

  test('of a registry that sends Link ends at a page without one, full or not', async () => {
    await using upstream = await startUpstream({ pageSize: 10 })
    const app = image({ seed: 'app' })
    for (const name of numbered(20)) upstream.push('team/app', name, app)
    await using client = new TestClient({ limits: { pageSize: 10 } })
    expect(await allTags(client.repository(`${upstream.host}/team/app`))).toHaveLength(20)
    expect(upstream.requests.listing).toBe(2)
  })

  test('of a registry with last= and without Link, as the specification allows, is complete', async () => {
    const all = numbered(25)
    await using registry = await startListing((query) => {
      const from = all.indexOf(query.get('last') ?? '') + 1
      return { tags: all.slice(from, from + Number(query.get('n'))) }
    })
    expect((await list(registry, { pageSize: 10 })).tags).toEqual(all)
  })

  test.each([
    [
      'ECR: 405 above its maximum',
      405,
      "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 100'",
    ],
    ['older Quay: TOO_MANY_TAGS_REQUESTED, flux IRC#585', 400, 'TOO_MANY_TAGS_REQUESTED: max is 100'],
  ])('uses the page size that an error names (%s)', async (_, status, message) => {
    await using registry = await startListing((query) =>
      Number(query.get('n')) > 100
        ? { status, body: JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message }] }) }
        : { tags: ['a'] },
    )
    expect((await list(registry)).tags).toEqual(['a'])
    expect(queries(registry)).toEqual(['/v2/app/tags/list?n=1000', '/v2/app/tags/list?n=100'])
  })

  test('is empty for "tags": null of docker-registry 2.8.2', async () => {
    await using registry = await startListing(() => ({ tags: null }))
    expect((await list(registry)).tags).toEqual([])
  })

  test('omits and counts nulls (Nexus), digests in place of tags (JFrog), numbers, duplicates and invalid names', async () => {
    const strange = [
      'a',
      null,
      7,
      'a',
      '.hidden',
      'with space',
      'x'.repeat(129),
      '../..',
      '<img>',
      `sha256:${'a'.repeat(64)}`,
      'b',
    ]
    await using registry = await startListing(() => ({ tags: strange }))
    const { tags, warnings } = await list(registry)
    expect(tags).toEqual(['a', 'b'])
    expect(warnings).toEqual(['its list of tags has 8 entries that are not tag names'])
  })

  test('reads an empty name as latest', async () => {
    await using registry = await startListing(() => ({ tags: ['', 'a', 'latest'] }))
    expect((await list(registry)).tags).toEqual(['latest', 'a'])
  })

  test('omits sha256-<hex> and its .sig, .att and .sbom: tags of signatures and other referrers', async () => {
    const hex = 'a'.repeat(64)
    await using registry = await startListing(() => ({
      tags: ['a', ...['', '.sig', '.att', '.sbom'].map((end) => `sha256-${hex}${end}`), 'sha256-short'],
    }))
    expect((await list(registry)).tags).toEqual(['a', 'sha256-short'])
  })

  test.each([
    ['to itself', 1, () => '</v2/app/tags/list?n=1000>; rel="next"'],
    [
      'in a circle',
      3,
      (query: URLSearchParams) =>
        `</v2/app/tags/list?last=${query.get('last') === 'a' ? 'b' : 'a'}>; rel="next"`,
    ],
  ])('whose Link leads %s ends: loops and repeated cursors are detected', async (_, requests, link) => {
    await using registry = await startListing((query) => ({ tags: ['a', 'b'], link: link(query) }))
    const { tags, warnings } = await list(registry)
    expect(tags).toEqual(['a', 'b'])
    expect(warnings).toEqual(['its list of tags repeats pages that were already read'])
    expect(registry.requests).toHaveLength(requests)
  })

  test('that repeats itself is partial: it does not prove deletions', async () => {
    await using registry = await startListing(() => ({
      tags: ['a', 'b'],
      link: '</v2/app/tags/list?n=1000>; rel="next"',
    }))
    await using client = new TestClient()
    const pages: unknown[] = []
    for await (const page of client.repository(`${registry.host}/app`).listTags()) pages.push(page)
    expect(pages).toEqual([
      { names: ['a', 'b'], next: 'n=1000' },
      { names: [], next: null, isPartial: true },
    ])
  })

  test('whose pages have no new names ends', async () => {
    let page = 0
    await using registry = await startListing(() => ({
      tags: ['a'],
      link: `</v2/app/tags/list?page=${++page}>; rel="next"`,
    }))
    expect((await list(registry)).tags).toEqual(['a'])
    expect(registry.requests.length).toBeLessThan(20)
  })

  test('of 100,000 tags in one page yields to other work', async () => {
    await using registry = await startListing(() => ({ tags: numbered(100_000) }))
    await using client = new TestClient()
    let total = 0
    let largest = 0
    for await (const page of client.repository(`${registry.host}/app`).listTags()) {
      total += page.names.length
      largest = Math.max(largest, page.names.length)
    }
    expect(total).toBe(100_000)
    expect(largest).toBeLessThanOrEqual(1000)
  })

  test('resumes from a saved cursor: only later pages are requested', async () => {
    await using upstream = await startUpstream({ pageSize: 10 })
    const app = image({ seed: 'app' })
    const names = numbered(35)
    for (const name of names) upstream.push('team/app', name, app)
    const read: string[] = []
    let cursor: string | null = null
    {
      await using client = new TestClient()
      for await (const page of client.repository(`${upstream.host}/team/app`).listTags()) {
        read.push(...page.names)
        cursor = page.next
        if (read.length === 20) break
      }
    }
    const before = upstream.requests.listing

    await using restarted = new TestClient()
    for await (const page of restarted.repository(`${upstream.host}/team/app`).listTags(cursor ?? '')) {
      read.push(...page.names)
      cursor = page.next
    }
    expect(read).toEqual(names)
    expect(upstream.requests.listing - before).toBe(2)
    expect(cursor).toBeNull()
  })

  test('in parts of one page continues from the end of the page only', async () => {
    await using registry = await startListing((query) =>
      query.get('last')
        ? { tags: ['z'] }
        : { tags: numbered(2500), link: '</v2/app/tags/list?last=v>; rel=next' },
    )
    await using client = new TestClient()
    const cursors: (string | null)[] = []
    for await (const { next } of client.repository(`${registry.host}/app`).listTags()) cursors.push(next)
    expect(cursors).toEqual([null, null, 'last=v', null])
  })

  test('ends when its reader stops', async () => {
    let page = 0
    await using registry = await startListing(() => ({
      tags: numbered(10, 10 * page),
      link: `</v2/app/tags/list?page=${++page}>; rel="next"`,
    }))
    await using client = new TestClient()
    for await (const { names } of client.repository(`${registry.host}/app`).listTags()) {
      if (names.length > 0) break
    }
    expect(registry.requests).toHaveLength(1)
  })
})

describe('a malformed or hostile listing', () => {
  let page = 0
  const endless = (): Page => ({
    tags: numbered(10, 10 * page),
    link: `</v2/app/tags/list?page=${++page}>; rel="next"`,
  })

  test.each<[string, Partial<RemoteLimits>, string]>([
    ['pages', { pages: 5 }, 'it takes more than 5 pages'],
    ['tags', { tags: 55 }, 'it takes more than 55 tags'],
  ])('fails after too many %s, and returns the tags before', async (_, limits, why) => {
    await using registry = await startListing(endless)
    await using client = new TestClient({ limits })
    const seen: string[] = []
    const reading = (async () => {
      for await (const { names } of client.repository(`${registry.host}/app`).listTags()) seen.push(...names)
    })()
    const refused = await refusalOf(reading)
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toBe(`cannot read the list of tags of app from ${registry.host}: ${why}`)
    expect(seen).toHaveLength(50)
  })

  test('fails when it takes too long', async () => {
    await using client = new TestClient()
    await using registry = await startListing(() => {
      client.clock.time += 60_000
      return endless()
    })
    const refused = await refusalOf(allTags(client.repository(`${registry.host}/app`)))
    expect(refused.message).toContain('it takes longer than')
    expect(registry.requests.length).toBeLessThan(15)
  })

  test.each<[string, Page, string]>([
    ['is a web page', { body: '<!doctype html><title>Sign in</title>' }, 'the response is a web page'],
    [
      'is cut off',
      { body: '{"name":"app","tags":["a",' },
      'the response is not JSON, is truncated, or has more than 64 levels',
    ],
    ['has no tags', { body: '{}' }, 'the response has no field "tags" with a list'],
    [
      'is nested two million levels deep',
      { body: `{"tags":${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}}` },
      'the response is not JSON, is truncated, or has more than 64 levels',
    ],
    ['has an object for tags', { tags: { a: 1 } }, 'the response has no field "tags" with a list'],
    [
      'has a Link that is none',
      { tags: ['a'], link: 'rel="next"; nonsense' },
      'the Link header is malformed',
    ],
  ])('fails when a page %s', async (_, response, why) => {
    await using registry = await startListing(() => response)
    await using client = new TestClient()
    const refused = await refusalOf(allTags(client.repository(`${registry.host}/app`)))
    expect(refused.reason).toBe('RegistryUnavailable')
    expect(refused.message).toBe(`cannot read the list of tags of app from ${registry.host}: ${why}`)
  })

  test('fails when a page is too large', async () => {
    await using registry = await startListing(() => ({ tags: numbered(1000) }))
    await using client = new TestClient({ limits: { pageBytes: 1000 } })
    const refused = await refusalOf(allTags(client.repository(`${registry.host}/app`)))
    expect(refused.message).toContain('the response is larger than 1000 bytes')
  })

  test('is NotFound for an unknown repository', async () => {
    await using upstream = await startUpstream()
    await using client = new TestClient()
    const refused = await refusalOf(allTags(client.repository(`${upstream.host}/team/app`)))
    expect(refused.reason).toBe('NotFound')
    expect(refused.message).toBe(
      `${upstream.host} does not have the repository team/app: it responded with 404 NAME_UNKNOWN: name unknown`,
    )
  })
})
