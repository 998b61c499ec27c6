import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'
import { errorsOf, follow, importImage } from '../../flows/operations.ts'

const BREAKER = 'circuitBreaker { state changedAt message nextAttemptAt }'
const BUDGET = 'remainingCount limit windowSeconds resetsAt source readAt'
const HOST = `host inFlightCount waitingCount concurrency ${BREAKER}
  accounts { isSignedIn ${BREAKER} budget { ${BUDGET} } }`

let app: TestApp
let upstreams: Upstream[]

beforeAll(async () => {
  app = await startApp()
  upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()])
  for (const [at, upstream] of upstreams.entries()) {
    upstream.push('team/app', 'latest', image({ seed: 1 }))
    upstream.hook = (_, response) => ({
      ...response,
      headers: {
        ...response.headers,
        ...{ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': `${at};w=21600` },
        'docker-ratelimit-source': '192.0.2.7',
      },
    })
    await follow(app.client, `${upstream.host}/team/app`, `app${at}`)
  }
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  for (const upstream of upstreams) await upstream[Symbol.asyncDispose]()
})

const hostOf = (at: number): string => upstreams[at]?.host ?? ''
const send = <Data>(query: string, variables?: Record<string, unknown>) =>
  app.client.request<Data>(query, variables)

describe('registryHosts', () => {
  it('contain the remaining requests from the host’s last response', async () => {
    const found = await send(
      `query ($host: String) { registryHosts(host: $host) { totalCount nodes { ${HOST} } } }`,
      {
        host: hostOf(2),
      },
    )
    const closed = { state: 'CLOSED', changedAt: null, message: null, nextAttemptAt: null }
    const budget = {
      ...{ remainingCount: 2, limit: 100, windowSeconds: 21_600, resetsAt: null, source: '192.0.2.7' },
      readAt: expect.stringMatching(/^\d{4}-/),
    }
    expect(found).toEqual({
      registryHosts: {
        totalCount: 1,
        nodes: [
          {
            ...{ host: hostOf(2), inFlightCount: 0, waitingCount: 0, concurrency: 10 },
            circuitBreaker: closed,
            accounts: [{ isSignedIn: false, circuitBreaker: closed, budget }],
          },
        ],
      },
    })
  })

  it('are ordered by name, in pages, from either end', async () => {
    const hosts = upstreams.map(({ host }) => host).sort()
    interface Page {
      registryHosts: {
        totalCount: number
        nodes: { host: string }[]
        pageInfo: { hasNextPage: boolean; endCursor: string; startCursor: string }
      }
    }
    const read = (args: string) =>
      send<Page>(
        `{ registryHosts(${args}) { totalCount nodes { host } pageInfo { hasNextPage startCursor endCursor } } }`,
      )
    const { registryHosts: first } = await read('first: 2')
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } })
    expect(first.nodes.map(({ host }) => host)).toEqual(hosts.slice(0, 2))
    const { registryHosts: second } = await read(`first: 2, after: "${first.pageInfo.endCursor}"`)
    expect(second).toMatchObject({ nodes: [{ host: hosts[2] }], pageInfo: { hasNextPage: false } })
    const { registryHosts: back } = await read(`last: 1, before: "${second.pageInfo.startCursor}"`)
    expect(back.nodes).toEqual([{ host: hosts[1] }])
  })

  it.each([429, 503])(
    'contain the last failure of an open circuit breaker for a %d, and an import fails at once',
    async (status) => {
      const [at, whose] = status === 429 ? [0, 'accounts { circuitBreaker'] : [1, 'circuitBreaker']
      const upstream = upstreams[at]
      if (!upstream) throw new Error('there is none')
      upstream.hook = () => errorResponse(status, 'TOOMANYREQUESTS', { 'retry-after': '3600' })
      await importImage(app.client, { imageStream: `app${at}` })
      upstream.reset()
      const again = await importImage(app.client, { imageStream: `app${at}` })
      expect(JSON.stringify(again)).toContain(status === 429 ? 'TOO_MANY_REQUESTS' : 'REGISTRY_UNAVAILABLE')
      expect(upstream.log).toEqual([])
      const circuitBreaker = { state: 'OPEN', message: `it responded with ${status} and requested a pause` }
      const query = `${whose} { state message nextAttemptAt }${status === 429 ? ' }' : ''}`
      expect(await send(`{ registryHosts(host: "${upstream.host}") { nodes { ${query} } } }`)).toMatchObject({
        registryHosts: { nodes: [status === 429 ? { accounts: [{ circuitBreaker }] } : { circuitBreaker }] },
      })
    },
  )

  it('are empty without requests', async () => {
    expect(await send('{ registryHosts(host: "docker.io") { totalCount nodes { host } } }')).toEqual({
      registryHosts: { totalCount: 0, nodes: [] },
    })
  })

  it('refuse the cursor of another list', async () => {
    expect(errorsOf(await app.client.execute('{ registryHosts(after: "bm8=") { totalCount } }'))).toEqual([
      { code: 'INVALID', field: 'after' },
    ])
  })
})
