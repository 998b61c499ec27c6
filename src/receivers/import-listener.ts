import type { Transaction } from '../db/transact.ts'
import type { Schedules } from '../imagestream/schedule/schedule.ts'
import type { ImageStream } from '../imagestream/spec/spec.ts'
import type { Import } from '../imagestream/stored-import/import-state.ts'
import type { Announcements } from './announcements.ts'
import type { HintRetries } from './retries.ts'

/**
 * Returns a function that updates receivers and schedules in the transaction that ends an import. Announcements come
 * first: they decide how long the schedule waits.
 */
export const createImportListener =
  (
    announcements: Pick<Announcements, 'onFinished'>,
    retries: Pick<HintRetries, 'onFinished'>,
    schedules: Pick<Schedules, 'onFinished'>,
  ) =>
  (tx: Transaction, stream: ImageStream, finished: Import): void => {
    announcements.onFinished(tx, stream, finished)
    retries.onFinished(tx, finished)
    schedules.onFinished(tx, stream, finished)
  }
