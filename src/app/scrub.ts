import { join } from 'node:path'
import type { BlobStore } from '../blobs/blob-store.ts'
import { systemClock } from '../concurrency/clock.ts'
import { checkDatabaseApart } from '../db/check-apart.ts'
import { createHolders } from '../registry/repair/holders.ts'
import type { Refetch } from '../registry/repair/refetch.ts'
import { createScrub, type Scrub } from '../scrub/scrub.ts'
import type { SharedParts } from './parts.ts'

interface ScrubParts extends SharedParts {
  readonly blobs: BlobStore
  /** Fetches lost blobs again; undefined with an external registry, which has its own. */
  readonly refetch: Refetch | undefined
}

/** Creates the scrub of the data folder. */
export function openScrub({ config, db, now, log, opened, blobs, refetch }: ScrubParts): Scrub {
  return opened.use(
    createScrub({
      db,
      blobs,
      bytesPerSecond: config.scrubBytesPerSecond === 0 ? null : config.scrubBytesPerSecond,
      checkDatabase: (signal) => checkDatabaseApart(join(config.dataFolder, 'imagestreams.db'), signal),
      onDamage: db.reportDamage,
      holdersOf: createHolders(db),
      refetch: refetch ?? (async () => undefined),
      sleep: systemClock.sleep,
      now,
      log,
    }),
  )
}
