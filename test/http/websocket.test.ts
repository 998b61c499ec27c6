import type { Client } from 'graphql-ws'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, startApi } from './api.ts'
import { eventually, iterate, RawClient, take, wsClient } from './clients.ts'

let api: Api
let client: Client
beforeEach(async () => {
  api = await startApi()
  client = wsClient(api.wsUrl)
})
afterEach(async () => {
  await client.dispose()
  await api[Symbol.asyncDispose]()
})

const TAGS = 'subscription ($since: String) { imagePushed(since: $since) { tag } }'
const tagsOf = (results: readonly { data?: unknown }[]) =>
  results.map(({ data }) => (data as { imagePushed: { tag: string } }).imagePushed.tag)

describe('a WebSocket', () => {
  it('runs queries and mutations', async () => {
    expect(await take(iterate(client, '{ version }'), 2)).toEqual([{ data: { version: '1' } }])
    const pushed = await take(iterate(client, 'mutation { push(tag: "1.0") { tag } }'), 2)
    expect(pushed).toEqual([{ data: { push: { tag: '1.0' } } }])
  })

  it('delivers pushes once the subscription is accepted', async () => {
    api.push({ tag: 'before' })
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', TAGS)
    await raw.settled()
    api.push({ tag: 'one' }, { tag: 'two' })
    expect([await raw.next(), await raw.next()]).toEqual([
      { id: 'a', type: 'next', payload: { data: { imagePushed: { tag: 'one' } } } },
      { id: 'a', type: 'next', payload: { data: { imagePushed: { tag: 'two' } } } },
    ])
    raw.close()
  })

  it('runs several subscriptions, each under the client’s id, even an unusual one', async () => {
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('"ü\n', TAGS)
    raw.subscribe('b', 'subscription { imagePushed { sequence } }')
    await raw.settled()
    api.push({ tag: 'one' })
    const messages = [await raw.next(), await raw.next()]
    expect(messages).toContainEqual({
      id: '"ü\n',
      type: 'next',
      payload: { data: { imagePushed: { tag: 'one' } } },
    })
    expect(messages).toContainEqual({
      id: 'b',
      type: 'next',
      payload: { data: { imagePushed: { sequence: 1 } } },
    })
    raw.close()
  })

  it('frames results of every length', async () => {
    const lengths = [1, 125, 126, 65_535, 65_536, 200_000]
    const raw = await RawClient.open(api.wsUrl)
    for (const bytes of lengths) {
      raw.subscribe(String(bytes), `subscription { imagePushed { padding(bytes: ${bytes}) } }`)
    }
    await raw.settled()
    api.push({})
    for (const _ of lengths) {
      const { id, payload } = await raw.next()
      expect(payload).toEqual({ data: { imagePushed: { padding: 'x'.repeat(Number(id)) } } })
    }
    raw.close()
  })

  it('delivers nothing after the client completes, and accepts the id again', async () => {
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', TAGS)
    await raw.settled()
    raw.send({ type: 'complete', id: 'a' })
    await raw.settled()
    api.push({ tag: 'unseen' })
    raw.subscribe('a', TAGS)
    await raw.settled()
    api.push({ tag: 'seen' })
    expect(await raw.next()).toMatchObject({ payload: { data: { imagePushed: { tag: 'seen' } } } })
    raw.close()
  })

  it('resumes after a cursor without gap or repeat', async () => {
    for (let i = 1; i <= 5; i++) api.push({ tag: `v${i}` })
    const results = iterate(client, TAGS, { since: api.changeLog.cursor(2) })
    expect(tagsOf(await take(results, 3))).toEqual(['v3', 'v4', 'v5'])
    api.push({ tag: 'v6' })
    expect(tagsOf(await take(results, 1))).toEqual(['v6'])
  })

  it('reports an invalid argument and an expired cursor as an error of the operation', async () => {
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', TAGS, { since: 'nonsense' })
    expect(await raw.next()).toMatchObject({
      id: 'a',
      type: 'error',
      payload: [{ extensions: { code: 'INVALID', field: 'since' } }],
    })
    raw.subscribe('b', TAGS, { since: api.changeLog.cursor(7) })
    expect(await raw.next()).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'CURSOR_EXPIRED' } }],
    })
    raw.subscribe('c', 'subscription { imagePushed(tag: "") { tag } }')
    expect(await raw.next()).toMatchObject({
      type: 'error',
      payload: [{ message: '"tag" is empty', extensions: { code: 'INVALID', field: 'tag' } }],
    })
    raw.close()
  })

  it('follows an import to its end', async () => {
    const results = iterate(client, 'subscription { importProgressed(id: "i") { imported } }')
    const taken = take(results, 4)
    await eventually(() => api.progress.listenerCount('import') === 1)
    for (const imported of [1, 2, 3]) api.progress.emit('import', imported)
    api.progress.emit('done')
    expect(await taken).toHaveLength(3)
  })

  it('ends the subscription when the client disconnects', async () => {
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', 'subscription { importProgressed(id: "i") { imported } }')
    await eventually(() => api.progress.listenerCount('import') === 1)
    raw.close()
    await eventually(() => api.progress.listenerCount('import') === 0)
  })

  it('is closed with 1001 when the server stops', async () => {
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', TAGS)
    await raw.settled()
    await api.server[Symbol.asyncDispose]()
    expect(await raw.closed).toMatchObject({ code: 1001 })
  })
})
