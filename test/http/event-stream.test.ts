import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, startApi } from './api.ts'
import { eventStream, eventsOf, eventually, take } from './clients.ts'

let api: Api
beforeEach(async () => {
  api = await startApi()
})
afterEach(() => api[Symbol.asyncDispose]())

const TAGS = 'subscription ($since: String) { imagePushed(since: $since) { tag } }'

describe('an event stream', () => {
  it('contains pushes as "next" events with the cursor as id', async () => {
    const { status, headers, body, events } = await eventStream(api.url, TAGS)
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    api.push({ tag: 'one' }, { tag: 'two' })
    expect(await take(events, 2)).toEqual([
      { id: api.changeLog.cursor(1), event: 'next', data: '{"data":{"imagePushed":{"tag":"one"}}}' },
      { id: api.changeLog.cursor(2), event: 'next', data: '{"data":{"imagePushed":{"tag":"two"}}}' },
    ])
    body.destroy()
  })

  it('resumes after Last-Event-ID, unless the operation has "since"', async () => {
    for (const tag of ['1', '2', '3']) api.push({ tag })
    const headers = { 'Last-Event-ID': api.changeLog.cursor(1) }
    const resumed = await eventStream(api.url, TAGS, { headers })
    expect((await take(resumed.events, 2)).map(({ data }) => data)).toEqual([
      '{"data":{"imagePushed":{"tag":"2"}}}',
      '{"data":{"imagePushed":{"tag":"3"}}}',
    ])
    const since = await eventStream(api.url, TAGS, { headers, variables: { since: api.changeLog.cursor(2) } })
    expect(await take(since.events, 1)).toMatchObject([{ data: '{"data":{"imagePushed":{"tag":"3"}}}' }])
    resumed.body.destroy()
    since.body.destroy()
  })

  it('can be requested with GET, as browsers do', async () => {
    const query = encodeURIComponent('subscription { imagePushed { tag } }')
    const response = await fetch(`${api.url}?query=${query}`, { headers: { Accept: 'text/event-stream' } })
    if (!response.body) throw new Error('no body')
    api.push({ tag: 'one' })
    const events = eventsOf(response.body)
    expect(await take(events, 1)).toMatchObject([
      { event: 'next', data: '{"data":{"imagePushed":{"tag":"one"}}}' },
    ])
    await events.return(undefined)
  })

  it('contains the result of a query as one "next" and "complete"', async () => {
    const { events } = await eventStream(api.url, '{ version }')
    expect(await take(events, 3)).toEqual([
      { event: 'next', data: '{"data":{"version":"1"}}' },
      { event: 'complete', data: '' },
    ])
  })

  it('reports an expired cursor, and completes', async () => {
    const { events } = await eventStream(api.url, TAGS, { variables: { since: api.changeLog.cursor(9) } })
    const [next, complete] = await take(events, 3)
    expect(JSON.parse(next?.data ?? '')).toMatchObject({
      errors: [{ extensions: { code: 'CURSOR_EXPIRED' } }],
    })
    expect(complete).toMatchObject({ event: 'complete' })
  })

  it('follows an import to its end', async () => {
    const { events } = await eventStream(api.url, 'subscription { importProgressed(id: "i") { imported } }')
    const taken = take(events, 3)
    await eventually(() => api.progress.listenerCount('import') === 1)
    api.progress.emit('import', 1)
    api.progress.emit('done')
    expect((await taken).map(({ event }) => event)).toEqual(['next', 'complete'])
  })

  it('is required for subscriptions: a request for plain JSON is refused', async () => {
    const response = await fetch(api.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ query: TAGS }),
    })
    expect(response.status).toBe(406)
  })

  it('ends without "complete" when the server stops, so that the client reconnects', async () => {
    const { events } = await eventStream(api.url, TAGS)
    const rest = take(events, 1)
    await api.server[Symbol.asyncDispose]()
    expect(await rest).toEqual([])
  })

  it('contains keep-alives while it is idle', async () => {
    await using quick = await startApi({ timings: { keepAlive: 20 } })
    const { body } = await eventStream(quick.url, TAGS)
    let text = ''
    for await (const chunk of body) {
      text += chunk
      if (text === ':\n\n:\n\n:\n\n') break
    }
    expect(text).toBe(':\n\n:\n\n:\n\n')
  })
})
