import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { images } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { StoredManifest } from './image.ts'

/** Returns a function that marks stored images as pushed, and the stored children of indexes. */
export function createPushedMarks(
  { orm }: Database,
  storedManifest: (digest: Digest) => StoredManifest | undefined,
) {
  const isListed = sql`${images.digest} in (select value from json_each(${sql.placeholder('digests')}))`
  // prepared: it runs for each push
  const mark = orm
    .update(images)
    .set({ pushed: 1 })
    .where(and(isListed, eq(images.pushed, 0)))
    .prepare()
  const markPushed = (tx: Transaction, digests: readonly Digest[]): void => {
    mark.run({ digests: JSON.stringify(digests) })
    for (const digest of digests) {
      const content = storedManifest(digest)?.manifest
      if (content?.kind !== 'index') continue
      const children = content.manifests.map((child) => child.digest)
      markPushed(tx, children)
    }
  }
  return markPushed
}
