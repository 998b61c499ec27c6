import { request } from 'undici'
import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { Follower } from './follower.ts'
import { endOfLog, errorsOf, follow, importImage, type PageInfo, type Push, pushLog } from './operations.ts'

const DAY = 24 * 60 * 60 * 1000
const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $since: String) {
  imagePushes(first: $first, after: $after, last: $last, before: $before, since: $since) {
    nodes { id cursor } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`

interface Page {
  readonly nodes: readonly Pick<Push, 'id' | 'cursor'>[]
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[]
  readonly pageInfo: PageInfo
}

async function page({ client }: TestApp, args: Record<string, unknown>): Promise<Page> {
  return (await client.request<{ imagePushes: Page }>(PAGE, args)).imagePushes
}

async function startWithPushes(count: number) {
  const upstream = await startUpstream()
  const app = await startApp()
  for (const [tag, content] of releases(count)) upstream.push('team/app', tag, content)
  if (count > 0) await follow(app.client, `${upstream.host}/team/app`)
  return {
    app,
    upstream,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('the change log', () => {
  test('can be read in pages from either end, with cursors to subscribe from', async () => {
    await using it = await startWithPushes(7)
    const all = await pushLog(it.app.client)

    const first = await page(it.app, { first: 3 })
    const second = await page(it.app, { first: 3, after: first.pageInfo.endCursor })
    const third = await page(it.app, { first: 3, after: second.pageInfo.endCursor })
    const last = await page(it.app, { last: 3 })
    const beforeLast = await page(it.app, { last: 3, before: last.pageInfo.startCursor })

    const ids = (...pages: Page[]) => pages.flatMap(({ nodes }) => nodes.map(({ id }) => id))
    expect(ids(first, second, third)).toEqual(all.map(({ id }) => id))
    expect(ids(beforeLast, last)).toEqual(all.slice(1).map(({ id }) => id))
    const goesOn = ({ pageInfo }: Page) => [pageInfo.hasPreviousPage, pageInfo.hasNextPage]
    expect([first, second, third].map(goesOn)).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ])
    expect([beforeLast, last].map(goesOn)).toEqual([
      [true, true],
      [true, false],
    ])
    expect(first.edges.map(({ cursor, node }) => ({ id: node.id, cursor }))).toEqual(first.nodes)
    using follower = await Follower.start(it.app.app.url, { since: second.pageInfo.endCursor })
    expect(await follower.take(1)).toEqual(all.slice(6))
  })

  test('can be read from a cursor on with "since", also together with "after"', async () => {
    await using it = await startWithPushes(5)
    const all = await pushLog(it.app.client)

    const since = await page(it.app, { since: all[1]?.cursor, first: 2 })
    const on = await page(it.app, { since: all[1]?.cursor, first: 2, after: since.pageInfo.endCursor })

    expect([...since.nodes, ...on.nodes].map(({ id }) => id)).toEqual(all.slice(2).map(({ id }) => id))
  })

  test('has an end cursor to subscribe from, even if it is empty or nothing matches', async () => {
    await using it = await startWithPushes(0)
    const since = await endOfLog(it.app.client)
    const unmatched = await it.app.client.request<{ imagePushes: { pageInfo: PageInfo } }>(
      '{ imagePushes(imageStream: "nothing", first: 1) { pageInfo { endCursor hasNextPage } } }',
    )

    using follower = await Follower.start(it.app.app.url, { since })
    it.upstream.push('team/app', 'latest', image({ seed: 1 }))
    await follow(it.app.client, `${it.upstream.host}/team/app`)

    expect(await follower.take(1)).toEqual(await pushLog(it.app.client))
    expect(unmatched.imagePushes.pageInfo).toEqual({ endCursor: since, hasNextPage: false })
  })

  test('ends an empty page before its cursor, so that a subscription from there misses nothing', async () => {
    await using it = await startWithPushes(3)
    const all = await pushLog(it.app.client)

    const empty = await page(it.app, { last: 1, before: all[0]?.cursor })
    using follower = await Follower.start(it.app.app.url, { since: empty.pageInfo.endCursor ?? '' })

    expect(empty.nodes).toEqual([])
    expect(await follower.take(3)).toEqual(all)
  })
})

describe('a cursor', () => {
  const expired = async ({ app, client }: TestApp, cursor: string) => {
    for (const argument of ['since', 'after'] as const) {
      const response = await client.execute(PAGE, { [argument]: cursor })
      expect(errorsOf(response), argument).toEqual([{ code: 'CURSOR_EXPIRED' }])
    }
    using follower = await Follower.start(app.url, { since: cursor })
    await expect(follower.next()).rejects.toThrow('CURSOR_EXPIRED')
    const { body } = await request(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'last-event-id': cursor },
      body: JSON.stringify({ query: 'subscription { imagePushed { id } }' }),
    })
    expect(await body.text()).toContain('CURSOR_EXPIRED')
  }

  test('of another database fails with CURSOR_EXPIRED', async () => {
    await using one = await startWithPushes(1)
    await using other = await startWithPushes(1)

    await expired(one.app, await endOfLog(other.app.client))
  })

  test('fails with CURSOR_EXPIRED once the pushes after it are no longer kept, while later cursors work', async () => {
    let now = Date.UTC(2026, 0, 1)
    await using upstream = await startUpstream()
    await using app = await startApp({ changeLogDays: 30 }, { now: () => now })
    upstream.push('team/app', 'latest', image({ seed: 0 }))
    await follow(app.client, `${upstream.host}/team/app`)
    for (const seed of [1, 2, 3]) {
      now += 20 * DAY
      upstream.push('team/app', 'latest', image({ seed }))
      await importImage(app.client)
    }
    const [first, second, third, fourth] = await pushLog(app.client)

    await app.restart()

    await expired(app, first?.cursor ?? '')
    // the second push was removed, all later ones exist
    using follower = await Follower.start(app.app.url, { since: second?.cursor ?? '' })
    expect(await follower.take(2)).toEqual([third, fourth])
    expect(await pushLog(app.client)).toEqual([third, fourth])
    const { node } = await app.client.request<{ node: null }>('query ($id: ID!) { node(id: $id) { id } }', {
      id: first?.id,
    })
    expect(node).toBeNull()
  })

  test.each(['', 'nonsense', Buffer.from('push:x:1').toString('base64url')])(
    'that is malformed ("%s") fails with INVALID and the name of the argument',
    async (cursor) => {
      await using it = await startWithPushes(1)

      for (const field of ['since', 'after', 'before'] as const) {
        const response = await it.app.client.execute(PAGE, { [field]: cursor })
        expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
      }
      using follower = await Follower.start(it.app.app.url, { since: cursor })
      await expect(follower.next()).rejects.toThrow('INVALID')
    },
  )
})
