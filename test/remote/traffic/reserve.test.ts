import { expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'

const app = image({ seed: 'app' })
const WINDOW = 21_600

/** A registry that counts GETs of manifests, as Docker Hub does; HEADs, listings and blobs cost nothing. */
async function startLimited(limit: number, remaining: number) {
  const upstream = await startUpstream()
  upstream.push('team/app', '1', app)
  let left = remaining
  upstream.hook = ({ kind, method }, response) => {
    if (kind !== 'manifest' && kind !== 'head') return undefined
    if (method === 'GET') left -= 1
    const headers = {
      ...response.headers,
      ...{ 'ratelimit-limit': `${limit};w=${WINDOW}`, 'ratelimit-remaining': `${left};w=${WINDOW}` },
    }
    return { ...response, headers }
  }
  return upstream
}

function imports(client: TestClient, host: string) {
  return {
    person: client.repository(`${host}/team/app`, { lane: 'person' }),
    schedule: client.repository(`${host}/team/app`, { lane: 'schedule', urgency: 'schedule' }),
  }
}

test('a scheduled import leaves the last tenth of a quota to API clients', async () => {
  await using upstream = await startLimited(100, 12)
  await using client = new TestClient()
  const { person, schedule } = imports(client, upstream.host)
  await schedule.resolveTag(tag('1'), null)
  await schedule.fetchManifest(app.digest)
  await schedule.fetchManifest(app.digest)
  upstream.reset()
  const { reason, message } = await refusalOf(schedule.fetchManifest(app.digest))
  expect({ reason, message }).toEqual({
    reason: 'TooManyRequests',
    message: `no request was sent to ${upstream.host}/team/app: at most 10 of the 100 requests of its quota are left, which are reserved for API clients and webhooks: scheduled imports continue when the quota is renewed`,
  })
  expect(upstream.log).toEqual([])
  await person.fetchManifest(app.digest)
  expect(client.remote.hostStatuses()).toMatchObject([
    { inFlight: 0, breaker: { state: 'CLOSED' }, accounts: [{ budget: { remaining: 9 } }] },
  ])
})

test('schedules send uncounted requests with any remainder', async () => {
  await using upstream = await startLimited(100, 1)
  await using client = new TestClient()
  const { schedule } = imports(client, upstream.host)
  await schedule.resolveTag(tag('1'), null)
  expect((await schedule.resolveTag(tag('1'), null)).digest).toBe(app.digest)
  await schedule.fetchConfig({ ...app.config, size: app.config.bytes.length, annotations: {} })
  expect(upstream.log.map(({ method, kind }) => `${method} ${kind}`)).toEqual([
    'HEAD head',
    'HEAD head',
    'GET blob',
  ])
})

test('a schedule continues when the window is over', async () => {
  await using upstream = await startLimited(100, 1)
  await using client = new TestClient()
  const { schedule } = imports(client, upstream.host)
  await schedule.resolveTag(tag('1'), null)
  await refusalOf(schedule.fetchManifest(app.digest))
  client.clock.time += WINDOW * 1000
  expect((await schedule.fetchManifest(app.digest)).digest).toBe(app.digest)
})

test('many concurrent scheduled requests leave the reserve too', async () => {
  await using upstream = await startLimited(100, 15)
  await using client = new TestClient()
  const { schedule } = imports(client, upstream.host)
  await schedule.resolveTag(tag('1'), null)
  upstream.reset()
  const all = await Promise.allSettled(Array.from({ length: 30 }, () => schedule.fetchManifest(app.digest)))
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(upstream.log.length)
  expect(upstream.log.length).toBeLessThanOrEqual(5)
  expect(upstream.log.length).toBeGreaterThan(0)
})

test('requests of API clients precede scheduled ones without starving them', async () => {
  await using upstream = await startUpstream()
  upstream.push('team/app', '1', app)
  await using client = new TestClient({ limits: { requestsPerHost: 1 } })
  const { person, schedule } = imports(client, upstream.host)
  await schedule.resolveTag(tag('1'), null)
  const order: string[] = []
  const gate = upstream.hold()
  const all = Array.from({ length: 8 }, () =>
    schedule.resolveTag(tag('1'), null).then(() => order.push('schedule')),
  )
  await gate.arrived(1)
  all.push(
    ...Array.from({ length: 12 }, () => person.resolveTag(tag('1'), null).then(() => order.push('person'))),
  )
  gate.open()
  await Promise.all(all)
  expect(order.indexOf('person')).toBe(1)
  expect(order.slice(0, 8).filter((who) => who === 'schedule')).toHaveLength(2)
})
