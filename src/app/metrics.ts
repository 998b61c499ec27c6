import { statSync } from 'node:fs'
import type { PushLog } from '../events/push-log.ts'
import { createMetrics, type Metrics, type MetricsSources } from '../http/metrics/metrics.ts'
import type { Importer } from '../imagestream/import/import.ts'
import type { Schedules } from '../imagestream/schedule/schedule.ts'
import type { RegistryClient } from '../remote/registry-client.ts'

export interface MetricsParts extends Pick<MetricsSources, 'subscribers' | 'now'> {
  readonly databaseFile: string
  readonly remote: Pick<RegistryClient, 'hostStatuses'>
  readonly importer: Pick<Importer, 'countUnfinished'>
  readonly schedules: Pick<Schedules, 'firstDueAt'>
  readonly pushes: Pick<PushLog, 'counts' | 'head'>
}

/** Joins what metrics are made of. */
export const openMetrics = (parts: MetricsParts): Metrics => {
  const { databaseFile, remote, importer, schedules, pushes, subscribers, now } = parts
  return createMetrics({
    remoteHosts: remote.hostStatuses,
    unfinishedImports: importer.countUnfinished,
    pushes: pushes.counts,
    pushLogSequence: pushes.head,
    nextDueAt: schedules.firstDueAt,
    databaseBytes: () => ({ database: bytesOf(databaseFile), wal: bytesOf(`${databaseFile}-wal`) }),
    subscribers,
    now,
  })
}

const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
