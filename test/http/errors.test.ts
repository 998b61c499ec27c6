import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, startApi } from './api.ts'
import { eventStream, eventually, iterate, post, RawClient, take, wsClient } from './clients.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

interface Failure {
  readonly errors: readonly { message: string; extensions: Record<string, unknown> }[]
}

const FAIL = 'query ($how: String!) { fail(how: $how) }'

/** Sends the same operation over each transport. */
const transports: Record<string, (how: string) => Promise<Failure>> = {
  HTTP: async (how) => (await post(api.url, FAIL, { variables: { how } })).body,
  'an event stream': async (how) => {
    const { events } = await eventStream(api.url, FAIL, { variables: { how } })
    const [event] = await take(events, 2)
    return JSON.parse(event?.data ?? '')
  },
  'a WebSocket': async (how) => {
    const client = wsClient(api.wsUrl)
    const [result] = await take(iterate(client, FAIL, { how }), 1)
    await client.dispose()
    return result as Failure
  },
}

describe.each(Object.entries(transports))('an error over %s', (_name, request) => {
  it('of the domain has its message, its code and the fields of the code', async () => {
    expect(await request('INVALID')).toMatchObject({
      errors: [{ message: '"how" is wrong', path: ['fail'], extensions: { code: 'INVALID', field: 'how' } }],
    })
    expect((await request('REGISTRY_ERROR')).errors[0]?.extensions).toEqual({
      code: 'REGISTRY_ERROR',
      registry: 'quay.io',
      reason: 'NOT_FOUND',
    })
    expect(await request('GRAPHQL')).toMatchObject({
      errors: [{ message: 'plainly said', extensions: { code: 'CONFLICT' } }],
    })
  })

  it('of the server hides its cause, which is logged once under the request id in the error', async () => {
    const failure = await request('INTERNAL')
    expect(JSON.stringify(failure)).not.toMatch(/secret|stack|unexpected|originalError/)
    expect(failure.errors[0]?.extensions).toEqual({ code: 'INTERNAL', requestId: expect.any(String) })
    const id = failure.errors[0]?.extensions.requestId
    const logged = () => api.lines.filter(({ requestId, err }) => requestId === id && err !== undefined)
    await eventually(() => logged().length > 0)
    expect(logged()).toHaveLength(1)
    expect(logged()[0]).toMatchObject({
      err: { message: expect.stringContaining('secret'), stack: expect.any(String) },
    })
  })
})

describe('an error in a subscription', () => {
  it('to pushes is masked for all subscribers of the execution, and leaves the subscription open', async () => {
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', 'subscription { imagePushed { tag fail } }')
    await raw.settled()
    api.push({ tag: '1' })
    const { payload } = await raw.next()
    expect(payload).toMatchObject({
      data: { imagePushed: { tag: '1', fail: null } },
      errors: [{ path: ['imagePushed', 'fail'], extensions: { code: 'INTERNAL' } }],
    })
    expect(JSON.stringify(payload)).not.toContain('secret')
    api.push({ tag: '2' })
    expect(await raw.next()).toMatchObject({ payload: { data: { imagePushed: { tag: '2' } } } })
    raw.close()
  })

  it('to an import is masked as well, and ends the subscription', async () => {
    const query = 'subscription { importProgressed(id: "i") { imported } }'
    const { events } = await eventStream(api.url, query)
    const raw = await RawClient.open(api.wsUrl)
    raw.subscribe('a', query)
    const taken = take(events, 1)
    await eventually(() => api.progress.listenerCount('import') === 2)
    api.progress.emit('import', 'fail')
    const responses = [(await taken)[0]?.data, JSON.stringify(await raw.next())]
    for (const response of responses) {
      expect(response).toContain('INTERNAL')
      expect(response).not.toContain('secret')
    }
    raw.close()
  })
})
