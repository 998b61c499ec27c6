import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { createChangeLog } from '../../src/events/change-log.ts'
import { createTriggerRows } from '../../src/triggers/definition/trigger-rows.ts'

/** The streams and tags to which triggers react. */
export interface SourceOfTrigger {
  readonly streams: string
  readonly tags: string
}

/** Stores triggers of the namespace `default` that send requests to a URL. */
export function insertTriggers(db: Database, url: string, sources: readonly SourceOfTrigger[]): void {
  const since = createChangeLog(db).head()
  const rows = createTriggerRows(db)
  const { host } = new URL(url)
  const settings = { url, format: 'CLOUD_EVENT', template: null, signature: 'NONE', headers: [] } as const
  db.transact(() => {
    for (const [number, source] of sources.entries()) {
      rows.insert({
        ...{ uid: `uid-${number}`, namespace: 'default', name: `trigger-${number}`, ...source, host, since },
        ...{ source: 'TAG', bases: null, basesNamedBy: null, basesReadFrom: null, guards: {} },
        ...{ createdBy: 'bench', createdAt: 0, updatedAt: 0, disabledReason: null },
        ...{ pausedAt: null, pausedUntil: null, pausedBy: null, pauseReason: null },
        action: { kind: 'HTTP', settings },
      })
    }
  })
}

/** Opens the database of a data folder. */
export const openIn = (folder: string): Database => openDatabase(join(folder, 'imagestreams.db'))
