import { type Database, openDatabase } from '../../src/db/open.ts'
import { type ChangeLog, createChangeLog } from '../../src/events/change-log.ts'
import type { IdentityGuard } from '../../src/events/log-identity.ts'
import type { Push } from '../../src/events/push-filter.ts'
import type { TagName } from '../../src/oci/tag.ts'

export type PushInput = Partial<Omit<Push, 'sequence' | 'tag'>> & { readonly tag?: string }

/** A push of image 1 to default/ruby:latest, with the given changes. */
export const pushOf = ({ tag = 'latest', ...more }: PushInput = {}): Omit<Push, 'sequence'> => ({
  pushedAt: 0,
  source: 'IMPORT',
  namespace: 'default',
  imageStreamName: 'ruby',
  streamId: 1,
  dockerImageReference: 'registry.test/ruby',
  imageId: 1,
  previousImageId: null,
  tag: tag as TagName,
  ...more,
})

export interface LogFixture extends Disposable {
  readonly db: Database
  readonly log: ChangeLog
  /** All in one transaction. */
  push(...inputs: readonly PushInput[]): void
}

/** A change log over a database that has the one image which its entries name. */
export function openLog(file = ':memory:', guard?: IdentityGuard): LogFixture {
  const db = openDatabase(file)
  db.prepare(
    `insert or ignore into images (id, digest, media_type, docker_image_reference, manifest)
     values (1, 'sha256:${'0'.repeat(64)}', 'application/json', 'registry.test/ruby', x'00')`,
  ).run()
  const log = createChangeLog(db, guard)
  return {
    db,
    log,
    push: (...inputs) =>
      db.transact((tx) => {
        for (const input of inputs) log.appendPush(tx, pushOf(input))
      }),
    [Symbol.dispose]: () => db[Symbol.dispose](),
  }
}
