import { Counter, Gauge, type Registry } from 'prom-client'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import type { ScrubFigures } from './scrub-metrics.ts'
import { sparing } from './sparing.ts'

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
  /** Number of entries that the log has. */
  readonly changeLogEntries: () => number
  /** Number and bytes of the stored blobs; undefined until they were counted. */
  readonly blobs: () => { readonly count: number; readonly bytes: number } | undefined
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
  /** How far the scrub is, and what it found. */
  readonly scrub: () => ScrubFigures
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

/** Registers the metrics of the server's stores and queues. Figures that are counted in tables are read sparingly. */
export function storeGauges(registry: Registry, sources: MetricsSources): void {
  const registers = [registry]
  /** Registers a gauge of one figure, or of a figure for each value of the label. */
  const gauge = (
    name: string,
    help: string,
    read: () => number | undefined | Readonly<Record<string, number>>,
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
        if (figures === undefined) this.remove()
        else if (typeof figures === 'number') this.set(figures)
        else for (const [value, figure] of Object.entries(figures)) this.set({ [label]: value }, figure)
      },
    })
  const { changeLogSequence, nextDueAt, databaseBytes, subscribers } = sources
  const unfinishedImports = sparing(sources.unfinishedImports)
  const triggerTargets = sparing(sources.triggerTargets)
  const workloads = sparing(sources.workloads)
  const failing = sparing(sources.failing)
  gauge(
    'imports_unfinished',
    'Imports that run, and imports that wait.',
    () => ({ ...unfinishedImports() }),
    'state',
  )
  gauge(
    'trigger_targets',
    'Tags for which a trigger has something to deliver (planned), and those whose delivery failed for good (dead).',
    () => ({ ...triggerTargets() }),
    'state',
  )
  gauge('clusters', 'Connected clusters, by state.', () => ({ ...workloads().clusters }), 'state')
  gauge(
    'workloads_due',
    'Workloads of clusters that are to be compared with their tags, now or after a failure.',
    () => workloads().due,
  )
  gauge(
    'workloads_with_problem',
    'Workloads of clusters that do not get the images of their tags, by reason.',
    () => workloads().problems,
    'reason',
  )
  gauge(
    'failing_repositories',
    'Image streams whose whole repository could not be imported last time, by reason.',
    () => failing().repositories,
    'reason',
  )
  gauge(
    'failing_tags',
    'Tags that could not be imported last time, by reason.',
    () => failing().tags,
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
    'change_log_entries',
    'Pushes and other changes of streams that the log has.',
    sources.changeLogEntries,
  )
  gauge('blobs', 'Stored blobs, counted at most every 5 minutes.', () => sources.blobs()?.count)
  gauge(
    'blob_bytes',
    'Bytes of the stored blobs, counted at most every 5 minutes.',
    () => sources.blobs()?.bytes,
  )
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
