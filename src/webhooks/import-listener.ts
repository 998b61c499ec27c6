import type { Transaction } from '../db/transact.ts'
import type { Schedules } from '../imagestream/schedule/schedule.ts'
import type { ImageStream } from '../imagestream/spec/spec.ts'
import type { Import } from '../imagestream/stored-import/import-state.ts'
import type { Announcements } from './announcements.ts'
import type { HintRetries } from './retries.ts'

export interface ImportListenerDependencies {
  readonly announcements: Pick<Announcements, 'onFinished'>
  readonly retries: Pick<HintRetries, 'onFinished'>
  readonly schedules: Pick<Schedules, 'onFinished'>
}

/**
 * Returns a function that updates webhooks and schedules in the transaction that ends an import. Announcements come
 * first: they decide how long the schedule waits.
 */
export const createImportListener =
  ({ announcements, retries, schedules }: ImportListenerDependencies) =>
  (tx: Transaction, stream: ImageStream, finished: Import): void => {
    announcements.onFinished(tx, stream, finished)
    retries.onFinished(tx, finished)
    schedules.onFinished(tx, stream, finished)
  }
