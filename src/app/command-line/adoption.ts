import { randomUUID } from 'node:crypto'
import { createAuditLog } from '../../access/audit/audit-log.ts'
import { EVERYTHING } from '../../access/right/rights.ts'
import { SYSTEM } from '../../access/right/viewer.ts'
import { Layout } from '../../blobs/layout.ts'
import { createPushReceiver } from '../../imagestream/commands/push.ts'
import type { OpenAdoption } from '../../operate/check/adopt.ts'
import { createContent } from '../../registry/content/content.ts'
import { createAdoption } from '../../registry/inventory/adopt.ts'
import { createSharedContent } from '../../registry/pull-through/shared-content.ts'
import { createDomain } from '../domain.ts'
import { DAY, MINUTE } from '../parts.ts'

const fail = (error: unknown): never => {
  throw error
}

/** Joins what stores adopted repositories in a new database, as the integrated registry stores a push. */
export const openAdoption: OpenAdoption = ({ db, dataFolder, files, isIntact }) => {
  const now = Date.now
  let registry = ''
  const host = (): string => registry
  const audit = createAuditLog({ db, now, onError: fail })
  const importMode = 'Legacy'
  const domain = createDomain({
    db,
    audit,
    rightsOf: () => EVERYTHING,
    content: createSharedContent({ db, host }),
    remote: {
      repository() {
        throw new Error('nothing is imported during an adoption')
      },
    },
    now,
    uuid: randomUUID,
    importMode,
    maximumTags: null,
    scheduleIntervalMs: 15 * MINUTE,
    fullScanMs: DAY,
    blockOf: () => null,
    onInternalError: fail,
    onFollowersError: fail,
  })
  const adopt = createAdoption({
    db,
    viewer: SYSTEM,
    content: createContent(db),
    streams: createPushReceiver({ ...domain, db, audit, importMode, registryHost: host }),
    files,
    layout: new Layout(dataFolder),
    isIntact,
    now,
  })
  return {
    adopt(list) {
      registry = list.registry
      return adopt(list)
    },
    [Symbol.dispose]: () => domain.recorder[Symbol.dispose](),
  }
}
