import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { closedPort } from '../fixtures/hostile-registry.ts'
import { missingPrograms } from '../fixtures/programs.ts'
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

  it('have the labels that are documented', async () => {
    for (const [, name = '', list = ''] of DOCUMENT.matchAll(/^\| `(imagestreams_[a-z_]+)` \| ([^|]*)\|/gm)) {
      const labels = [...list.matchAll(/`([a-z_]+)`/g)].map(([, label]) => label)
      const series = new RegExp(`^${name}(?:_bucket)?\\{(.+)\\} `, 'm').exec(await scrape())?.[1] ?? ''
      const found = [...series.matchAll(/([a-z_]+)="/g)].map(([, label]) => label)
      const own = found.filter((label) => label !== 'le')
      // without a series yet
      if (series !== '' || labels.length === 0) expect([name, own.sort()]).toEqual([name, labels.sort()])
    }
  })

  it('follow the conventions of Prometheus', async ({ skip }) => {
    const missing = missingPrograms('promtool')
    if (missing) return skip(missing)
    const check = spawnSync('promtool', ['check', 'metrics'], { input: await scrape(), encoding: 'utf8' })
    expect([check.status, check.stdout, check.stderr]).toEqual([0, '', ''])
  })

  it('measure requests by route and status, and operations by root field and error, not by what clients choose', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    for (const path of [
      `/v2/a/b/blobs/${digest}`,
      '/v2/c/manifests/latest',
      '/nowhere/secret-canary',
      '/webhooks/key-canary',
    ])
      await fetch(`${app.app.url}${path}`)
    await app.client.execute(
      'query OperationCanary { one: imageStreams { totalCount } two: imageStreams { totalCount } }',
    )
    await app.client.execute(
      '{ ...f } fragment f on Query { imageStreams { totalCount } server { version } }',
    )
    await app.client.execute('{ unknown }')
    await fetch(`${app.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ server { version } }"}',
    })
    const text = await scrape()
    const requests = 'imagestreams_http_request_duration_seconds_count'
    const operations = 'imagestreams_graphql_operation_duration_seconds_count'
    expect(figureOf(text, `${requests}{route="/v2/{name}/blobs/{digest}",method="GET",code="404"}`)).toBe(1)
    expect(
      figureOf(text, `${requests}{route="/v2/{name}/manifests/{reference}",method="GET",code="404"}`),
    ).toBe(1)
    expect(figureOf(text, `${requests}{route="unknown",method="GET",code="404"}`)).toBe(2)
    expect(figureOf(text, `${requests}{route="/graphql",method="POST",code="200"}`)).toBeGreaterThan(0)
    expect(figureOf(text, `${operations}{type="query",field="imageStreams"}`)).toBe(1)
    expect(figureOf(text, `${operations}{type="query",field="several"}`)).toBe(1)
    expect(figureOf(text, `${operations}{type="query",field="server"}`)).toBe(1)
    expect(figureOf(text, 'imagestreams_graphql_errors_total{code="GRAPHQL_VALIDATION_FAILED"}')).toBe(1)
    expect(text).not.toMatch(/canary/i)
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
    expect(figureOf(text, 'imagestreams_connections')).toBeGreaterThan(0)
    // one from before the subscription does not count
    expect(figureOf(text, 'imagestreams_change_delivery_delay_seconds_count')).toBe(0)
    await createStream(app.client, { name: 'delivered' })
    upstream.push('tenant-canary/app', 'tag-canary', image({ seed: 2 }))
    await importImage(app.client, { namespace: 'tenant-canary', imageStream: 'stream-canary' })
    await eventually(async () =>
      expect(figureOf(await scrape(), 'imagestreams_change_delivery_delay_seconds_count')).toBe(1),
    )
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
