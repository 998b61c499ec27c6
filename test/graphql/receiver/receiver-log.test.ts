import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { createReceiver, type IssuedReceiver, send } from '../../fixtures/receiver.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorsOf, follow } from '../../flows/operations.ts'

const STREAMS = ['a', 'b', 'c']
const TAGS = ['t0', 't1', 't2', 't3', 't4']
const PAGE_INFO = 'pageInfo { hasNextPage hasPreviousPage startCursor endCursor }'
const PAGES = '$first: Int, $after: String, $last: Int, $before: String'
const PAGE = 'first: $first, after: $after, last: $last, before: $before'

/** A list of a node, and the nodes of a page of it. */
const listOf = (type: string, list: string, node: string): string => `query ($id: ID!, ${PAGES}) {
  node(id: $id) { ... on ${type} { list: ${list} { totalCount nodes { id ${node} } ${PAGE_INFO} } } } }`
const DELIVERIES = listOf('Receiver', `deliveries(${PAGE})`, 'outcome')
const HINTS = listOf('ReceiverDelivery', `hints(${PAGE})`, 'tag')
const TARGETS = listOf('ReceiverHint', `targets(${PAGE})`, 'state imageStream { name }')

interface Page {
  readonly totalCount: number
  readonly nodes: readonly { readonly id: string }[]
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string
    readonly endCursor: string
  }
}

const page = async ({ client }: TestApp, query: string, variables: object): Promise<Page> =>
  (await client.request<{ node: { list: Page } }>(query, { ...variables })).node.list

const notify = ({ url, secret }: IssuedReceiver, body: object) =>
  send(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    query: new URLSearchParams(),
    body: Buffer.from(JSON.stringify(body)),
  })

/** A receiver with one delivery of five tags, which three streams import from, once all of them are settled. */
async function settledReceiver(app: TestApp, upstream: Upstream): Promise<IssuedReceiver> {
  for (const tag of TAGS) upstream.push('team/app', tag, image({ seed: tag }))
  for (const name of STREAMS) await follow(app.client, `${upstream.host}/team/app`, name)
  const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: upstream.host })
  await notify(receiver, { repository: 'team/app', tags: TAGS })
  await settle(app, receiver, STREAMS.length * TAGS.length)
  return receiver
}

const COUNTS = `query ($id: ID!) { node(id: $id) { ... on Receiver {
  finished: targets(state: FINISHED) { totalCount } upToDate: targets(state: UP_TO_DATE) { totalCount }
  failed: targets(state: FAILED) { totalCount } waiting: targets(state: WAITING) { totalCount } } } }`

/** Waits until so many targets are settled. */
const settle = ({ client }: TestApp, { id }: IssuedReceiver, total: number): Promise<void> =>
  expect
    .poll(async () => {
      const { node } = await client.request<{ node: Record<string, { totalCount: number }> }>(COUNTS, { id })
      return Object.values(node).reduce((sum, { totalCount }) => sum + totalCount, 0)
    })
    .toBe(total)

const idsOf = ({ nodes }: Page): string[] => nodes.map(({ id }) => id)

/** Reads a list in pages of two forward, and backward again. */
async function readBothWays(app: TestApp, query: string, id: string) {
  const forward: string[] = []
  const backward: string[] = []
  for (let after: string | null = null, hasMore = true; hasMore; ) {
    const read = await page(app, query, { id, first: 2, after })
    forward.push(...idsOf(read))
    after = read.pageInfo.endCursor
    hasMore = read.pageInfo.hasNextPage
  }
  for (let before: string | null = null, hasMore = true; hasMore; ) {
    const read = await page(app, query, { id, last: 2, before })
    backward.unshift(...idsOf(read))
    before = read.pageInfo.startCursor
    hasMore = read.pageInfo.hasPreviousPage
  }
  const whole = await page(app, query, { id })
  return { forward, backward, whole: idsOf(whole), totalCount: whole.totalCount }
}

describe('the log of a receiver', () => {
  test('is read in pages forward and backward: deliveries, hints and targets', async () => {
    await using upstream = await startUpstream()
    await using app = await startApp()
    const receiver = await settledReceiver(app, upstream)
    for (let ping = 0; ping < 4; ping++) await notify({ ...receiver, secret: `wrong ${ping}` }, {})
    const deliveries = await readBothWays(app, DELIVERIES, receiver.id)
    const hints = await readBothWays(app, HINTS, deliveries.whole.at(-1) ?? '')
    const targets = await readBothWays(app, TARGETS, hints.whole[0] ?? '')

    for (const [list, length] of [
      [deliveries, 5],
      [hints, TAGS.length],
      [targets, STREAMS.length],
    ] as const) {
      expect(list).toEqual({
        whole: list.whole,
        forward: list.whole,
        backward: list.whole,
        totalCount: length,
      })
      expect(new Set(list.whole).size).toBe(length)
    }
  })

  test('has ids by which deliveries, hints and targets are read again, each with its owner', async () => {
    await using upstream = await startUpstream()
    await using app = await startApp()
    const receiver = await settledReceiver(app, upstream)
    const [delivery = ''] = idsOf(await page(app, DELIVERIES, { id: receiver.id }))
    const [hint = ''] = idsOf(await page(app, HINTS, { id: delivery }))
    const [target = ''] = idsOf(await page(app, TARGETS, { id: hint }))

    const query = `query ($id: ID!) { node(id: $id) { __typename id
      ... on ReceiverDelivery { receiver { id } } ... on ReceiverHint { delivery { id } }
      ... on ReceiverTarget { hint { id } imageStream { name } retryCount } } }`
    const read = async (id: string) => (await app.client.request<{ node: object }>(query, { id })).node

    expect(await read(delivery)).toEqual({
      ...{ __typename: 'ReceiverDelivery', id: delivery, receiver: { id: receiver.id } },
    })
    expect(await read(hint)).toEqual({ __typename: 'ReceiverHint', id: hint, delivery: { id: delivery } })
    expect(await read(target)).toEqual({
      ...{ __typename: 'ReceiverTarget', id: target, hint: { id: hint } },
      ...{ imageStream: { name: 'a' }, retryCount: 0 },
    })

    await app.client.request(
      'mutation ($input: DeleteReceiverInput!) { deleteReceiver(input: $input) { deletedId } }',
      { input: { id: receiver.id } },
    )
    for (const id of [delivery, hint, target]) expect(await read(id)).toBeNull()
  })

  test('returns deliveries of one outcome', async () => {
    await using app = await startApp()
    const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: 'registry.test' })
    await notify(receiver, { repository: 'team/app', tags: TAGS })
    await notify({ ...receiver, secret: 'wrong' }, {})
    const refused = listOf('Receiver', `deliveries(outcome: REFUSED, ${PAGE})`, 'outcome message')

    expect(await page(app, refused, { id: receiver.id })).toMatchObject({
      totalCount: 1,
      nodes: [{ outcome: 'REFUSED', message: 'the header Authorization has another secret' }],
    })
  })

  test('refuses pages of more than 500 and an operation that may return too many', async () => {
    await using app = await startApp()
    const query = (pages: number, hints: number) => `{ receivers(first: 1) { nodes {
      deliveries(first: ${pages}) { nodes { hints(first: ${hints}) { nodes {
        targets(first: 500) { nodes { tag } } } } } } } } }`
    await createReceiver(app.client, { sender: 'QUAY' })
    await notify(await createReceiver(app.client, { sender: 'QUAY' }), {})

    expect(errorsOf(await app.client.execute(query(10, 500)))).toMatchObject([{ code: 'TOO_COMPLEX' }])
    expect((await app.client.execute(query(10, 10))).errors).toBeUndefined()
  })
})

describe('work of a receiver', () => {
  const WORK = `query ($id: ID!) { node(id: $id) { ... on Receiver { state message
    waiting: targets(state: WAITING) { totalCount nodes { tag reason message retryCount nextAttemptAt } }
    failed: targets(state: FAILED) { totalCount nodes { tag reason message nextAttemptAt hint { repository }
      import { state } } } } } }`

  test('that failed or waits for another attempt is listed with the cause', async () => {
    await using upstream = await startUpstream()
    for (const tag of ['gone', 'limited']) upstream.push('team/app', tag, image({ seed: tag }))
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: upstream.host })
    upstream.hook = ({ reference }) => ({ status: reference === 'gone' ? 403 : 429, headers: {}, body: '' })

    await notify(receiver, { repository: 'team/app', tags: ['gone', 'limited'] })
    await settle(app, receiver, 2)

    expect(await app.client.request(WORK, { id: receiver.id })).toEqual({
      node: {
        state: 'HEALTHY',
        message: null,
        waiting: {
          totalCount: 1,
          nodes: [
            {
              tag: 'limited',
              reason: 'TOO_MANY_REQUESTS',
              message: expect.stringContaining('429'),
              retryCount: 1,
              nextAttemptAt: expect.any(String),
            },
          ],
        },
        failed: {
          totalCount: 1,
          nodes: [
            {
              tag: 'gone',
              reason: 'FORBIDDEN',
              message: expect.stringContaining('403'),
              nextAttemptAt: null,
              hint: { repository: 'team/app' },
              import: { state: 'FAILED' },
            },
          ],
        },
      },
    })
  })
})
