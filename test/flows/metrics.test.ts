import { readFileSync } from 'node:fs'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { closedPort } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { createReceiver, deliveryOf, send } from '../fixtures/receiver.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { errorResponse } from '../fixtures/upstream-response.ts'
import { Follower } from './follower.ts'
import { createStream, importImage } from './operations.ts'

const DOCUMENT = readFileSync(new URL('../../src/app/README.md', import.meta.url), 'utf8')

/** Names in the table of metrics of the documentation. */
const DOCUMENTED = [...DOCUMENT.matchAll(/^\| `(imagestreams_[a-z_]+)`/gm)].map(([, name]) => name ?? '')
/** Values that no metric may contain: names of tenants, accounts and their content. */
const SECRETS = ['tenant-canary', 'stream-canary', 'tag-canary', 'user-canary', 'password-canary']

let app: TestApp
let upstream: Upstream
beforeAll(async () => {
  app = await startApp()
  upstream = await startUpstream()
  upstream.push('tenant-canary/app', 'tag-canary', image({ seed: 1 }))
  upstream.hook = (_, response) => ({
    ...response,
    headers: {
      ...response.headers,
      ...{ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '20;w=21600' },
      'docker-ratelimit-source': 'user-canary',
    },
  })
  const { host } = upstream
  await app.client.request(
    `mutation ($prefix: String!) { setRegistryCredential(input: { namespace: "tenant-canary",
      prefix: $prefix, username: "user-canary", password: "password-canary" }) { registryCredential { kind } } }`,
    { prefix: host },
  )
  await createStream(app.client, {
    ...{ namespace: 'tenant-canary', name: 'stream-canary' },
    ...{ spec: { dockerImageRepository: `${host}/tenant-canary/app` }, waitSeconds: 20 },
  })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const scrape = async (): Promise<string> => (await fetch(`${app.app.url}/metrics`)).text()
/** Returns the value of a series; undefined if it does not exist. */
function figureOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('metrics', () => {
  it('are in the Prometheus text format', async () => {
    const response = await fetch(`${app.app.url}/metrics`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const lines = (await response.text()).trimEnd().split('\n')
    const series =
      /^[a-z_]+[a-z0-9_]*(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (-?[0-9.e+-]+|\+Inf|NaN)$/i
    for (const line of lines) {
      if (line !== '') expect(line).toMatch(line.startsWith('#') ? /^# (?:HELP|TYPE) \S+ / : series)
    }
  })

  it('are the documented ones and those of the process', async () => {
    const text = await scrape()
    const names = [...text.matchAll(/^# TYPE (imagestreams_\w+) /gm)].map(([, name]) => name ?? '')
    expect(DOCUMENTED.length).toBeGreaterThan(15)
    expect(names.sort()).toEqual([...DOCUMENTED].sort())
    for (const name of [
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds',
    ]) {
      expect(text).toContain(`# TYPE ${name} `)
    }
  })

  it('contain no namespace, stream, tag, account or secret', async () => {
    const text = await scrape()
    expect(text).toContain(upstream.host)
    for (const secret of SECRETS) expect(text).not.toContain(secret)
  })

  it('count imports and pushes, and the requests to the registry', async () => {
    const text = await scrape()
    const host = `{host="${upstream.host}"}`
    expect(figureOf(text, 'imagestreams_imports_total{state="succeeded"}')).toBe(1)
    expect(figureOf(text, 'imagestreams_import_duration_seconds_count{state="succeeded"}')).toBe(1)
    expect(figureOf(text, 'imagestreams_imports_unfinished{state="running"}')).toBe(0)
    expect(figureOf(text, 'imagestreams_pushes_total{source="import"}')).toBe(1)
    // the creation of the stream, and the push
    expect(figureOf(text, 'imagestreams_change_log_sequence')).toBe(2)
    expect(
      figureOf(text, `imagestreams_remote_requests_total{host="${upstream.host}",outcome="answered"}`),
    ).toBe(upstream.log.length)
    expect(figureOf(text, `imagestreams_remote_requests_in_flight${host}`)).toBe(0)
    expect(figureOf(text, `imagestreams_remote_requests_waiting${host}`)).toBe(0)
    expect(figureOf(text, `imagestreams_remote_concurrency${host}`)).toBe(10)
    expect(figureOf(text, `imagestreams_remote_circuit_breaker_state${host}`)).toBe(0)
    expect(figureOf(text, `imagestreams_remote_budget_remaining${host}`)).toBe(20)
    expect(figureOf(text, `imagestreams_remote_budget_limit${host}`)).toBe(100)
    expect(figureOf(text, `imagestreams_remote_next_attempt_timestamp_seconds${host}`)).toBeUndefined()
    expect(figureOf(text, 'imagestreams_database_bytes{file="database"}')).toBeGreaterThan(0)
    expect(figureOf(text, 'imagestreams_schedule_lag_seconds')).toBe(0)
  })

  it('report open circuits and rate limits, with the time of the next attempt', async () => {
    await using limited = await startUpstream()
    limited.hook = () => errorResponse(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' })
    const before = Date.now() / 1000
    await importImage(app.client, { imageStream: 'limited', from: `${limited.host}/a:b`, confirm: true })
    const gone = await closedPort()
    for (let times = 0; times < 6; times += 1) {
      await importImage(app.client, { imageStream: 'gone', from: `${gone}/a:b`, confirm: true })
    }
    const text = await scrape()
    expect(figureOf(text, `imagestreams_remote_accounts_circuit_open{host="${limited.host}"}`)).toBe(1)
    expect(figureOf(text, `imagestreams_remote_circuit_breaker_state{host="${limited.host}"}`)).toBe(0)
    expect(
      figureOf(text, `imagestreams_remote_next_attempt_timestamp_seconds{host="${limited.host}"}`),
    ).toBeGreaterThanOrEqual(before + 3600)
    expect(
      figureOf(text, `imagestreams_remote_requests_total{host="${limited.host}",outcome="limited"}`),
    ).toBe(1)
    expect(figureOf(text, `imagestreams_remote_circuit_breaker_state{host="${gone}"}`)).toBe(2)
    expect(
      figureOf(text, `imagestreams_remote_requests_total{host="${gone}",outcome="unreachable"}`),
    ).toBeGreaterThan(4)
    expect(
      figureOf(text, `imagestreams_remote_requests_total{host="${gone}",outcome="not_sent"}`),
    ).toBeGreaterThan(0)
  })

  it('count responses to deliveries by kind of sender', async () => {
    const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: upstream.host })
    const change = { registry: upstream.host, repository: 'tenant-canary/app', tag: 'tag-canary' }
    const digest = image({ seed: 1 }).digest
    expect((await send(receiver.url, deliveryOf('GENERIC', receiver, { ...change, digest }))).status).toBe(
      202,
    )
    expect((await fetch(receiver.url, { method: 'POST', body: '{}' })).status).toBe(401)
    const text = await scrape()
    const deliveries = 'imagestreams_receiver_deliveries_total'
    expect(figureOf(text, `${deliveries}{sender="generic",outcome="accepted"}`)).toBe(1)
    expect(figureOf(text, `${deliveries}{sender="generic",outcome="refused"}`)).toBe(1)
    for (const secret of [...SECRETS, receiver.secret ?? 'canary', new URL(receiver.url).pathname]) {
      expect(text).not.toContain(secret)
    }
  })

  it('count connections and subscriptions', async () => {
    const before = await scrape()
    expect(figureOf(before, 'imagestreams_change_log_subscriptions')).toBe(0)
    using _ = await Follower.start(app.app.url)
    const text = await scrape()
    expect(figureOf(text, 'imagestreams_streaming_connections')).toBe(1)
    expect(figureOf(text, 'imagestreams_change_log_subscriptions')).toBe(1)
  })

  it('can be read by GET, with a host name of this server', async () => {
    const url = `${app.app.url}/metrics`
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const elsewhere = await request(url, { headers: { host: 'evil.example.org' } })
    expect(elsewhere.statusCode).toBe(421)
    await elsewhere.body.dump()
  })
})
