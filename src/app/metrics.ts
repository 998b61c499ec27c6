import { statSync } from 'node:fs'
import type { MetricsSources } from '../http/metrics/metrics.ts'
import type { RegistryClient } from '../remote/registry-client.ts'
import type { Domain } from './domain.ts'

export interface MetricsParts extends Pick<MetricsSources, 'subscribers' | 'now'> {
  readonly databaseFile: string
  readonly remote: Pick<RegistryClient, 'hostStatuses'>
  readonly domain: Pick<Domain, 'importer' | 'schedules' | 'pushes'>
}

/** Returns the functions that read the figures of each scrape. */
export const metricsSources = ({
  databaseFile,
  remote,
  domain: { importer, schedules, pushes },
  subscribers,
  now,
}: MetricsParts): MetricsSources => ({
  remoteHosts: remote.hostStatuses,
  unfinishedImports: importer.countUnfinished,
  pushes: pushes.counts,
  pushLogSequence: pushes.head,
  nextDueAt: schedules.firstDueAt,
  databaseBytes: () => ({ database: bytesOf(databaseFile), wal: bytesOf(`${databaseFile}-wal`) }),
  subscribers,
  now,
})

const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
