import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createMetrics, type MetricsSources } from '../../src/http/metrics/metrics.ts'
import { hostLabels, OTHER_HOSTS } from '../../src/http/metrics/remote-gauges.ts'

import type { HostStatus } from '../../src/remote/traffic/host-traffic.ts'

const NOW = Date.UTC(2026, 0, 1)
const IDLE: MetricsSources = {
  remoteHosts: () => [],
  unfinishedImports: () => ({ running: 0, pending: 0 }),
  failing: () => ({ repositories: {}, tags: {} }),
  pushes: () => ({}),
  changeLogSequence: () => 0,
  changeLogEntries: () => 0,
  blobs: () => undefined,
  nextDueAt: () => undefined,
  triggerTargets: () => ({ planned: 3, dead: 1 }),
  scrub: () => ({ readBytes: 7, passBytes: 5, finishedAt: 4_000, findings: new Map([['DAMAGED', 2]]) }),
  workloads: () => ({ clusters: { reachable: 1, unreachable: 0 }, due: 2, problems: { CONTESTED: 1 } }),
  databaseBytes: () => ({}),
  subscribers: () => ({ connections: 0, subscriptions: 0 }),
  now: () => NOW,
}
const open = (sources: Partial<MetricsSources> = {}, namedHosts?: number) => {
  const metrics = createMetrics(namedHosts)
  metrics.observe({ ...IDLE, ...sources })
  return metrics
}

const breakerOf = (state: 'CLOSED' | 'OPEN' | 'HALF_OPEN', nextAttemptAt: number | null) => ({
  ...{ state, nextAttemptAt, since: null, message: null },
})

const hostOf = (host: string, more: Partial<HostStatus> = {}): HostStatus => ({
  ...{ host, inFlight: 1, waiting: 2, concurrency: 10, accounts: [] },
  breaker: breakerOf('CLOSED', null),
  ...more,
})

const budgetOf = (remaining: number, limit: number) => ({
  ...{ remaining, limit, window: null, resetAt: null, source: null, readAt: NOW, pullsOnly: false },
})

/** The lines of one metric, without its explanation. */
const seriesOf = async ({ text }: ReturnType<typeof open>, name: string): Promise<string[]> =>
  (await text()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))

describe('metrics', () => {
  it('label a limited number of hosts, and all others as one', async () => {
    const hosts = Array.from({ length: 500 }, (_, at) => hostOf(`registry-${at}.test`))
    const metrics = open({ remoteHosts: () => hosts }, 3)
    for (const { host } of hosts) metrics.remoteRequest(host, 'ANSWERED')
    expect(await seriesOf(metrics, 'imagestreams_remote_requests_in_flight')).toEqual([
      'imagestreams_remote_requests_in_flight{host="registry-0.test"} 1',
      'imagestreams_remote_requests_in_flight{host="registry-1.test"} 1',
      'imagestreams_remote_requests_in_flight{host="registry-2.test"} 1',
      'imagestreams_remote_requests_in_flight{host="other"} 497',
    ])
    expect((await seriesOf(metrics, 'imagestreams_remote_requests_total')).at(-1)).toBe(
      'imagestreams_remote_requests_total{host="other",outcome="answered"} 497',
    )
  })

  it('of hosts that share a label have the worst value', async () => {
    const open1 = breakerOf('OPEN', NOW + 2000)
    const open2 = breakerOf('HALF_OPEN', NOW + 1000)
    const poor = { isSignedIn: true, breaker: open2, budget: budgetOf(3, 100) }
    const rich = { isSignedIn: true, breaker: open1, budget: budgetOf(50, 200) }
    const hosts = [
      hostOf('a'),
      hostOf('b', { breaker: open1, accounts: [rich] }),
      hostOf('c', { accounts: [poor] }),
    ]
    const metrics = open({ remoteHosts: () => hosts }, 0)
    const figureOf = async (name: string) => (await seriesOf(metrics, `imagestreams_remote_${name}`)).join()
    expect(await figureOf('circuit_breaker_state')).toMatch(/\{host="other"\} 2$/)
    expect(await figureOf('accounts_circuit_open')).toMatch(/ 1$/)
    expect(await figureOf('next_attempt_timestamp_seconds')).toMatch(new RegExp(` ${NOW / 1000 + 1}$`))
    expect(await figureOf('budget_remaining')).toMatch(/ 3$/)
    expect(await figureOf('budget_limit')).toMatch(/ 100$/)
  })

  it('drop a host that is no longer reported, and a value that is no longer set', async () => {
    let hosts = [hostOf('a', { breaker: breakerOf('OPEN', NOW) }), hostOf('b')]
    const metrics = open({ remoteHosts: () => hosts })
    expect(await seriesOf(metrics, 'imagestreams_remote_circuit_breaker_state')).toHaveLength(2)
    hosts = [hostOf('a')]
    expect(await seriesOf(metrics, 'imagestreams_remote_circuit_breaker_state')).toEqual([
      'imagestreams_remote_circuit_breaker_state{host="a"} 0',
    ])
    expect(await seriesOf(metrics, 'imagestreams_remote_next_attempt_timestamp_seconds')).toEqual([])
  })

  it('count each push once, however often they are scraped', async () => {
    let pushes = 1
    const metrics = open({ pushes: () => ({ IMPORT: pushes, REGISTRY: 0 }) })
    await metrics.text()
    pushes = 3
    expect(await seriesOf(metrics, 'imagestreams_pushes_total')).toEqual([
      'imagestreams_pushes_total{source="import"} 3',
      'imagestreams_pushes_total{source="registry"} 0',
    ])
  })

  it('contain the duration of imports, and the time for which one is overdue', async () => {
    const metrics = open({ nextDueAt: () => NOW - 90_000 })
    metrics.importFinished({ state: 'SUCCEEDED', startedAt: NOW, finishedAt: NOW + 300 })
    metrics.importFinished({ state: 'SUCCEEDED', startedAt: NOW, finishedAt: NOW - 5 })
    metrics.importFinished({ state: 'FAILED', startedAt: null, finishedAt: NOW })
    expect(await seriesOf(metrics, 'imagestreams_imports_total')).toEqual([
      'imagestreams_imports_total{state="succeeded"} 2',
      'imagestreams_imports_total{state="failed"} 1',
    ])
    expect(await seriesOf(metrics, 'imagestreams_import_duration_seconds_sum')).toEqual([
      'imagestreams_import_duration_seconds_sum{state="succeeded"} 0.3',
    ])
    expect(await seriesOf(metrics, 'imagestreams_schedule_lag_seconds')).toEqual([
      'imagestreams_schedule_lag_seconds 90',
    ])
    expect(await seriesOf(open({ nextDueAt: () => NOW + 1 }), 'imagestreams_schedule_lag_seconds')).toEqual([
      'imagestreams_schedule_lag_seconds 0',
    ])
  })

  it('count responses to deliveries by outcome', async () => {
    const metrics = open()
    for (const status of [200, 202, 304, 401, 503]) metrics.deliveryAnswered('registry', status)
    expect(await seriesOf(metrics, 'imagestreams_receiver_deliveries_total')).toEqual([
      'imagestreams_receiver_deliveries_total{sender="registry",outcome="accepted"} 3',
      'imagestreams_receiver_deliveries_total{sender="registry",outcome="refused"} 1',
      'imagestreams_receiver_deliveries_total{sender="registry",outcome="failed"} 1',
    ])
  })

  it('of two servers in one process are separate', async () => {
    const [one, other] = [open(), open()]
    one.deliveryAnswered('registry', 200)
    expect(await seriesOf(other, 'imagestreams_receiver_deliveries_total')).toEqual([])
  })

  it('escape the name of a host', async () => {
    const odd = 'a"} 1\nevil{x="\\'
    const series = await seriesOf(
      open({ remoteHosts: () => [hostOf(odd)] }),
      'imagestreams_remote_concurrency',
    )
    expect(series).toEqual(['imagestreams_remote_concurrency{host="a\\"} 1\\nevil{x=\\"\\\\"} 10'])
  })
})

describe('labels of hosts', () => {
  it('do not change when further hosts appear', () => {
    const labelOf = hostLabels(2)
    expect(['a', 'b', 'c', 'a', 'c', 'b'].map((host) => labelOf(host))).toEqual([
      ...['a', 'b', OTHER_HOSTS, 'a', OTHER_HOSTS, 'b'],
    ])
  })
})

it('metrics of a server that has ended are not kept', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const observed = (): WeakRef<object> => {
    const sources = { ...IDLE }
    createMetrics().observe(sources)
    return new WeakRef(sources)
  }
  const created = observed()
  await expect
    .poll(() => {
      collectGarbage()
      return created.deref() === undefined
    })
    .toBe(true)
})
