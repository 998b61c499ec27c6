import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { HostLabels } from './host-labels.ts'
import { type RemoteHostFigures, remoteGauges } from './remote-gauges.ts'

/** What is asked for with each scrape; everything else is told when it happens. */
export interface MetricsSources {
  /** The hosts of other registries that were asked lately. */
  readonly remoteHosts: () => readonly RemoteHostFigures[]
  /** Imports that run, and that wait. */
  readonly unfinishedImports: () => { readonly running: number; readonly pending: number }
  /** Pushes since the start, by source. */
  readonly pushes: () => Readonly<Record<string, number>>
  /** Number of the newest push in the log. */
  readonly pushLogSequence: () => number
  /** When the longest overdue import was due, in milliseconds since 1970; undefined when none is scheduled. */
  readonly nextDueAt: () => number | undefined
  /** Bytes of each file of the database. */
  readonly databaseBytes: () => Readonly<Record<string, number>>
  /** Connections that stay, and subscriptions to pushes over them. */
  readonly subscribers: () => { readonly connections: number; readonly subscriptions: number }
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** An import that ended; times in milliseconds since 1970. */
export interface FinishedImport {
  readonly state: string
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** What this server does, for Prometheus. No label tells of a namespace, a stream, an account or a person. */
export interface Metrics {
  readonly contentType: string
  /** All of it, as it stands now. */
  text(): Promise<string>
  /** A request to another registry was sent, or was not: each try of it. */
  remoteRequest(host: string, outcome: string): void
  importFinished(finished: FinishedImport): void
  /** A webhook was answered with this status; `sender` is a kind of sender, of which there are few. */
  webhookAnswered(sender: string, status: number): void
}

export interface MetricsOptions {
  /** Hosts that have a name of their own in metrics. */
  readonly namedHosts?: number
}

const NAMED_HOSTS = 100
/** Seconds: from an import that finds nothing new to one of many thousands of tags. */
const IMPORT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** Watches the process from now on to its end, with the process's own figures among it: the event loop's lag, say. */
export function createMetrics(
  sources: MetricsSources,
  { namedHosts = NAMED_HOSTS }: MetricsOptions = {},
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const labels = new HostLabels(namedHosts)
  collectDefaultMetrics({ register: registry })
  remoteGauges(registry, labels, sources.remoteHosts)
  storeGauges(registry, sources)

  const remoteRequests = new Counter({
    name: 'imagestreams_remote_requests_total',
    help: 'Requests to hosts of other registries, each try counted, by what became of them.',
    labelNames: ['host', 'outcome'],
    registers,
  })
  const imports = new Counter({
    name: 'imagestreams_imports_total',
    help: 'Imports that ended, by state.',
    labelNames: ['state'],
    registers,
  })
  const importSeconds = new Histogram({
    name: 'imagestreams_import_duration_seconds',
    help: 'From the beginning of an import to its end, by state.',
    labelNames: ['state'],
    buckets: IMPORT_BUCKETS,
    registers,
  })
  const deliveries = new Counter({
    name: 'imagestreams_webhook_deliveries_total',
    help: 'Webhooks that arrived, by kind of sender and by how they were answered.',
    labelNames: ['sender', 'outcome'],
    registers,
  })

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    remoteRequest: (host, outcome) =>
      remoteRequests.inc({ host: labels.of(host), outcome: outcome.toLowerCase() }),
    importFinished({ state: ended, startedAt, finishedAt }) {
      const state = ended.toLowerCase()
      imports.inc({ state })
      if (startedAt === null || finishedAt === null) return
      importSeconds.observe({ state }, Math.max(0, finishedAt - startedAt) / 1000)
    },
    webhookAnswered: (sender, status) =>
      deliveries.inc({ sender: sender.toLowerCase(), outcome: deliveryOutcomeOf(status) }),
  }
}

function deliveryOutcomeOf(status: number): string {
  if (status < 400) return 'accepted'
  return status < 500 ? 'refused' : 'failed'
}

/** What the server has, and what it still has to do. */
function storeGauges(registry: Registry, sources: MetricsSources): void {
  const registers = [registry]
  new Gauge({
    name: 'imagestreams_imports_unfinished',
    help: 'Imports that run, and that wait for their turn.',
    labelNames: ['state'],
    registers,
    collect() {
      const { running, pending } = sources.unfinishedImports()
      this.set({ state: 'running' }, running)
      this.set({ state: 'pending' }, pending)
    },
  })
  new Counter({
    name: 'imagestreams_pushes_total',
    help: 'Pushes since the start, by where they came from.',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset()
      for (const [source, count] of Object.entries(sources.pushes())) {
        this.inc({ source: source.toLowerCase() }, count)
      }
    },
  })
  new Gauge({
    name: 'imagestreams_push_log_sequence',
    help: 'Number of the newest push in the log.',
    registers,
    collect() {
      this.set(sources.pushLogSequence())
    },
  })
  new Gauge({
    name: 'imagestreams_schedule_lag_seconds',
    help: 'For how long the longest overdue import has been due; 0 when none is.',
    registers,
    collect() {
      const now = sources.now()
      this.set(Math.max(0, now - (sources.nextDueAt() ?? now)) / 1000)
    },
  })
  new Gauge({
    name: 'imagestreams_database_bytes',
    help: 'Size of the files of the database: of itself, and of its write-ahead log.',
    labelNames: ['file'],
    registers,
    collect() {
      for (const [file, bytes] of Object.entries(sources.databaseBytes())) this.set({ file }, bytes)
    },
  })
  new Gauge({
    name: 'imagestreams_streaming_connections',
    help: 'WebSockets and event streams that are open.',
    registers,
    collect() {
      this.set(sources.subscribers().connections)
    },
  })
  new Gauge({
    name: 'imagestreams_push_subscriptions',
    help: 'Subscriptions to pushes over these.',
    registers,
    collect() {
      this.set(sources.subscribers().subscriptions)
    },
  })
}
