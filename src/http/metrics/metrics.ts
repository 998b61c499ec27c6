import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import { hostLabels, remoteGauges } from './remote-gauges.ts'

/** Figures that are read at each scrape. All other metrics are updated by events. */
export interface MetricsSources {
  /** The registry hosts that received requests recently. */
  readonly remoteHosts: () => readonly HostStatus[]
  /** Counts the imports that run, and those that wait. */
  readonly unfinishedImports: () => { readonly running: number; readonly pending: number }
  /** Counts the streams whose whole repository cannot be imported, and the tags that cannot, by reason. */
  readonly failing: () => FailingFigures
  /** Counts the pushes since the start, by source. */
  readonly pushes: () => Readonly<Record<string, number>>
  /** Number of the newest entry of the log: a push, or another change of a stream. */
  readonly changeLogSequence: () => number
  /** When the next scheduled import is or was due, in milliseconds since 1970; undefined when none is scheduled. */
  readonly nextDueAt: () => number | undefined
  /** Bytes of each file of the database. */
  readonly databaseBytes: () => Readonly<Record<string, number>>
  /** Counts long-lived connections, and the subscriptions to the change log over them. */
  readonly subscribers: () => { readonly connections: number; readonly subscriptions: number }
  /** Counts clusters, and the workloads in them that follow tags. */
  readonly workloads: () => WorkloadFigures
  /** Counts the tags for which triggers have something to deliver, and those whose delivery failed for good. */
  readonly triggerTargets: () => { readonly planned: number; readonly dead: number }
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Numbers of clusters and workloads. */
export interface WorkloadFigures {
  readonly clusters: { readonly reachable: number; readonly unreachable: number }
  /** Workloads that are to be compared with their tags. */
  readonly due: number
  /** Workloads that do not get the images of their tags, by reason. */
  readonly problems: Readonly<Record<string, number>>
}

/** Numbers by reason. */
export interface FailingFigures {
  readonly repositories: Readonly<Record<string, number>>
  readonly tags: Readonly<Record<string, number>>
}

/** An import that ended. Times are milliseconds since 1970. */
export interface FinishedImport {
  readonly state: string
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** Metrics of this server, for Prometheus. No label contains a namespace, a stream, an account or a person. */
export type Metrics = ReturnType<typeof createMetrics>

/** Number of hosts that have a label of their own. */
const NAMED_HOSTS = 100
/** Seconds: from an import without changes to one of many thousands of tags. */
const IMPORT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** Creates the metrics, including those of the process: event loop lag, heap, garbage collection. */
export function createMetrics(namedHosts = NAMED_HOSTS) {
  const registry = new Registry()
  const registers = [registry]
  const labelOf = hostLabels(namedHosts)
  collectDefaultMetrics({ register: registry })

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
    contentType: registry.contentType,
    /** Returns the current metrics in the text format of Prometheus. */
    text: (): Promise<string> => registry.metrics(),
    /** Adds the figures that are read at each scrape; called once. */
    observe(sources: MetricsSources): void {
      remoteGauges(registry, labelOf, sources.remoteHosts)
      storeGauges(registry, sources)
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

/** Registers the metrics of the server's stores and queues. */
function storeGauges(registry: Registry, sources: MetricsSources): void {
  const registers = [registry]
  /** Registers a gauge of one figure, or of a figure for each value of the label. */
  const gauge = (
    name: string,
    help: string,
    read: () => number | Readonly<Record<string, number>>,
    label = '',
  ) =>
    new Gauge({
      name: `imagestreams_${name}`,
      help,
      labelNames: label === '' ? [] : [label],
      registers,
      collect() {
        const figures = read()
        // a label value without a figure disappears
        if (label !== '') this.reset()
        if (typeof figures === 'number') this.set(figures)
        else for (const [value, figure] of Object.entries(figures)) this.set({ [label]: value }, figure)
      },
    })
  const { unfinishedImports, changeLogSequence, nextDueAt, databaseBytes, subscribers } = sources
  gauge(
    'imports_unfinished',
    'Imports that run, and imports that wait.',
    () => ({ ...unfinishedImports() }),
    'state',
  )
  gauge(
    'trigger_targets',
    'Tags for which a trigger has something to deliver (planned), and those whose delivery failed for good (dead).',
    () => ({ ...sources.triggerTargets() }),
    'state',
  )
  gauge('clusters', 'Connected clusters, by state.', () => ({ ...sources.workloads().clusters }), 'state')
  gauge(
    'workloads_due',
    'Workloads of clusters that are to be compared with their tags, now or after a failure.',
    () => sources.workloads().due,
  )
  gauge(
    'workloads_with_problem',
    'Workloads of clusters that do not get the images of their tags, by reason.',
    () => sources.workloads().problems,
    'reason',
  )
  gauge(
    'failing_repositories',
    'Image streams whose whole repository could not be imported last time, by reason.',
    () => sources.failing().repositories,
    'reason',
  )
  gauge(
    'failing_tags',
    'Tags that could not be imported last time, by reason.',
    () => sources.failing().tags,
    'reason',
  )
  new Counter({
    name: 'imagestreams_pushes_total',
    help: 'Pushes since the start, by source.',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset()
      for (const [source, count] of Object.entries(sources.pushes())) {
        this.inc({ source: source.toLowerCase() }, count)
      }
    },
  })
  gauge(
    'change_log_sequence',
    'Number of the newest push or other change of a stream in the log.',
    changeLogSequence,
  )
  const lag = 'Time for which the longest overdue scheduled import has been due; 0 when none is overdue.'
  gauge('schedule_lag_seconds', lag, () => {
    const now = sources.now()
    return Math.max(0, now - (nextDueAt() ?? now)) / 1000
  })
  gauge('database_bytes', 'Size of the database file and of its write-ahead log.', databaseBytes, 'file')
  gauge('streaming_connections', 'Open WebSockets and event streams.', () => subscribers().connections)
  gauge(
    'change_log_subscriptions',
    'Subscriptions to the change log over streaming connections.',
    () => subscribers().subscriptions,
  )
}
