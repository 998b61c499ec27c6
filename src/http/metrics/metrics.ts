import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { hostLabels, remoteGauges } from './remote-gauges.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { scrubMetrics } from './scrub-metrics.ts'
import { createServerMetrics } from './server-metrics.ts'
import { type MetricsSources, storeGauges } from './store-gauges.ts'

export type { MetricsSources } from './store-gauges.ts'

/** An import that ended. Times are milliseconds since 1970. */
export interface FinishedImport {
  readonly state: string
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** Metrics of this server, for Prometheus. No label contains a namespace, a stream, an account or a person. */
export type Metrics = ReturnType<typeof createMetrics>

/** Gauges of prom-client with the names of counters, whose figures other metrics have by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]
/** Number of hosts that have a label of their own. */
const NAMED_HOSTS = 100
/** Seconds: from an import without changes to one of many thousands of tags. */
const IMPORT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** Metrics of the process, which it observes until it ends: event loop lag, heap, garbage collection. */
const ofProcess = new Registry()
collectDefaultMetrics({ register: ofProcess })
for (const name of MISNAMED) ofProcess.removeSingleMetric(name)

/** Creates the metrics of a server, beside those of its process. */
export function createMetrics(namedHosts = NAMED_HOSTS) {
  const registry = new Registry()
  const registers = [registry]
  const labelOf = hostLabels(namedHosts)

  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `imagestreams_${name}`, help, labelNames, registers })
  const remoteRequests = counter(
    'remote_requests_total',
    'Requests to other registries and their token servers, each attempt counted, by outcome.',
    ['host', 'outcome'],
  )
  const imports = counter('imports_total', 'Finished imports, by state.', ['state'])
  const importSeconds = new Histogram({
    name: 'imagestreams_import_duration_seconds',
    help: 'Duration of imports, by state.',
    labelNames: ['state'],
    buckets: IMPORT_BUCKETS,
    registers,
  })
  const deliveries = counter(
    'receiver_deliveries_total',
    'Deliveries to receivers, by kind of sender and outcome.',
    ['sender', 'outcome'],
  )

  return {
    ...createRequestMetrics(registry),
    ...createServerMetrics(registry),
    contentType: registry.contentType,
    /** Returns the current metrics in the text format of Prometheus. */
    text: async (): Promise<string> =>
      (await Promise.all([ofProcess.metrics(), registry.metrics()])).join('\n'),
    /** Adds the figures that are read at each scrape; called once. */
    observe(sources: MetricsSources): void {
      remoteGauges(registry, labelOf, sources.remoteHosts)
      storeGauges(registry, sources)
      scrubMetrics(registry, sources.scrub)
    },
    /** Counts an attempt to send a request to another registry; `outcome` also covers requests that were not sent. */
    remoteRequest: (host: string, outcome: string): void =>
      remoteRequests.inc({ host: labelOf(host), outcome: outcome.toLowerCase() }),
    importFinished({ state: ended, startedAt, finishedAt }: FinishedImport): void {
      const state = ended.toLowerCase()
      imports.inc({ state })
      if (startedAt === null || finishedAt === null) return
      importSeconds.observe({ state }, Math.max(0, finishedAt - startedAt) / 1000)
    },
    /** Counts a response to a delivery; `sender` is a kind of sender, of which there are few. */
    deliveryAnswered: (sender: string, status: number): void =>
      deliveries.inc({ sender: sender.toLowerCase(), outcome: deliveryOutcomeOf(status) }),
  }
}

function deliveryOutcomeOf(status: number): string {
  if (status < 400) return 'accepted'
  return status < 500 ? 'refused' : 'failed'
}
