import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { type ProblemReason, REASONS } from '../../health/problem.ts'
import { storageFailure } from '../../input/storage-failure.ts'

/** Seconds: from an idle event loop to one that stalls. */
const DELAY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]
const DELIVERY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** State of the server that is read at each scrape. */
export interface ServerSources {
  readonly version: string
  /** Why the server is not ready. */
  readonly problems: () => readonly { readonly reason: ProblemReason }[]
  /** Space on the disk of the data folder; undefined before it was measured. */
  readonly space: () => { readonly free: number; readonly size: number } | undefined
  /** Bytes that pushes leave free. */
  readonly reservedBytes: number
  /** When a backup last succeeded, in milliseconds since 1970; undefined where none is known. */
  readonly lastBackupAt: () => number | undefined
  /** Connections that are open, and that may be. */
  readonly connections: () => { readonly open: number; readonly maximum: number }
}

/** Creates the metrics of the process as a whole: what it could not do, and how long others wait for it. */
export function createServerMetrics(registry: Registry) {
  const registers = [registry]
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `imagestreams_${name}`, help, labelNames, registers })
  const internalErrors = counter(
    'internal_errors_total',
    'Errors that the log explains at the level error or above, other than failed writes.',
  )
  const failedWrites = counter(
    'failed_writes_total',
    'Requests and background work that failed because the server could not write, by reason.',
    ['reason'],
  )
  for (const reason of ['full', 'read-only', 'lost', 'descriptors']) failedWrites.inc({ reason }, 0)
  const refused = counter(
    'connections_refused_total',
    'Connections closed because there were too many, by limit.',
    ['limit'],
  )
  for (const limit of ['all', 'address', 'descriptors']) refused.inc({ limit }, 0)
  const delay = new Histogram({
    name: 'imagestreams_event_loop_delay_seconds',
    help: 'Time by which a timer fired late, four times a second: how long requests wait for the thread.',
    buckets: DELAY_BUCKETS,
    registers,
  })
  const delivery = new Histogram({
    name: 'imagestreams_change_delivery_delay_seconds',
    help: 'Time from a change until it was written to the connections of the subscribers that were there.',
    buckets: DELIVERY_BUCKETS,
    registers,
  })
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name: `imagestreams_${name}`,
      help,
      registers,
      collect() {
        const figure = read()
        if (figure === undefined) this.remove()
        else this.set(figure)
      },
    })

  return {
    /** Counts an error that is logged. */
    errorLogged(error: unknown, isInternal: boolean): void {
      const failure = storageFailure(error)
      if (failure) failedWrites.inc({ reason: failure })
      else if (isInternal) internalErrors.inc()
    },
    connectionRefused: (limit: 'all' | 'address' | 'descriptors'): void => refused.inc({ limit }),
    eventLoopDelayed: (seconds: number): void => delay.observe(seconds),
    changeDelivered: (seconds: number): void => delivery.observe(seconds),
    /** Adds what is read at each scrape; called once. */
    observeServer({
      version,
      problems,
      space,
      reservedBytes,
      lastBackupAt,
      connections,
    }: ServerSources): void {
      new Gauge({
        name: 'imagestreams_build_info',
        help: 'Always 1; the labels have the versions of the server and of Node.js.',
        labelNames: ['version', 'node_version'],
        registers,
      }).set({ version, node_version: process.version }, 1)
      new Gauge({
        name: 'imagestreams_not_ready',
        help: 'Whether the reason makes the server respond 503 to /readyz.',
        labelNames: ['reason'],
        registers,
        collect() {
          const found = new Set(problems().map(({ reason }) => reason))
          for (const reason of Object.keys(REASONS) as ProblemReason[]) {
            this.set({ reason }, Number(found.has(reason)))
          }
        },
      })
      gauge('disk_free_bytes', 'Space left on the disk of the data folder.', () => space()?.free)
      gauge('disk_size_bytes', 'Size of the disk of the data folder.', () => space()?.size)
      gauge(
        'disk_reserved_bytes',
        'Space that pushes leave free; below it they are refused.',
        () => reservedBytes,
      )
      gauge(
        'backup_last_success_timestamp_seconds',
        'When a backup last succeeded; absent where none is known.',
        () => {
          const at = lastBackupAt()
          return at === undefined ? undefined : at / 1000
        },
      )
      gauge('connections', 'Open connections of clients.', () => connections().open)
      gauge('connections_maximum', 'Connections that may be open.', () => connections().maximum)
    },
  }
}
