import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Database } from '../../db/open.ts'
import { watchEventLoop } from '../../health/event-loop.ts'
import { connectionsWithin, readFileLimit } from '../../health/file-descriptors.ts'
import { type Problem, problemOf } from '../../health/problem.ts'
import { createReadiness } from '../../health/readiness.ts'
import { createStorageProbe, type StorageProbe } from '../../health/storage-probe.ts'
import { MAX_CONNECTIONS } from '../../http/request/limits.ts'
import type { SharedParts } from '../parts.ts'

/** Creates the probe of the data folder, which also finds out why a write failed. */
export const probeOf = (dataFolder: string): StorageProbe =>
  createStorageProbe({ folders: [dataFolder, join(dataFolder, 'uploads'), join(dataFolder, 'blobs')] })

interface HealthParts extends Pick<SharedParts, 'opened' | 'log'> {
  readonly db: Pick<Database, 'isInPlace'>
  readonly storage: StorageProbe
  /** Why the database is a copy; undefined as usual. */
  readonly copied: Problem | undefined
  /** Receives the seconds by which the event loop was late. */
  readonly onDelay: (seconds: number) => void
}

/** Joins the checks of `/readyz`, and logs what they find. */
export function openHealth({ db, storage, copied, onDelay, opened, log }: HealthParts) {
  const eventLoop = opened.use(watchEventLoop({ onDelay }))
  return opened.use(
    createReadiness({
      checks: [
        () => storage.problem() ?? copied,
        () => (db.isInPlace() ? undefined : problemOf('DATABASE_LOST')),
        eventLoop.problem,
      ],
      onProblem: ({ reason, message }) => log.error({ reason }, `not ready: ${message}`),
      onSolved: ({ reason }) => log.info({ reason }, 'no longer a problem'),
    }),
  )
}

/** Fewer connections than this are few for a server that many clients subscribe to. */
const FEW_CONNECTIONS = 4_000

/** Returns how many connections clients may have, and warns where the limit of open files allows few. */
export function maximumConnections(log: Logger): number {
  const files = readFileLimit()
  const maximum = connectionsWithin(files, MAX_CONNECTIONS)
  const fields = { openFiles: files ?? 'unlimited', connections: maximum }
  if (maximum < FEW_CONNECTIONS) {
    log.warn(
      fields,
      'the limit of open files leaves room for few connections: raise it (ulimit -n, LimitNOFILE)',
    )
  } else log.debug(fields, 'connections that may be open')
  return maximum
}
