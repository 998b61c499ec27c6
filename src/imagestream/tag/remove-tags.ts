import { and, eq, inArray, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { Database } from '../../db/open.ts'
import { importSchedules, repositoryWatches, specTags, tagClaims, tags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'

export interface RemovedTags {
  /** Whether the spec had one of the tags. */
  readonly fromSpec: boolean
  /** Whether the status had one of the tags: one with an image or a condition. */
  readonly fromStatus: boolean
}

/** Returns a function that removes tags of a stream with their histories, their spec tags and what depends on either. */
export const createRemoveTags =
  ({ orm }: Database) =>
  (_tx: Transaction, id: number, names: readonly TagName[]): RemovedTags => {
    // one parameter for all names: a statement has at most 32,766
    const list = sql`(select value from json_each(${JSON.stringify(names)}))`
    const named = (stream: SQLiteColumn, name: SQLiteColumn) => and(eq(stream, id), inArray(name, list))
    const fromStatus = orm.delete(tags).where(named(tags.streamId, tags.name)).run().changes > 0
    const fromSpec = orm.delete(specTags).where(named(specTags.streamId, specTags.name)).run().changes > 0
    if (fromSpec)
      orm.delete(importSchedules).where(named(importSchedules.streamId, importSchedules.tag)).run()
    if (fromStatus || fromSpec) {
      // the next import adds the repository's tags of these names, although the vendor's listing has not changed
      orm.update(repositoryWatches).set({ marks: null }).where(eq(repositoryWatches.streamId, id)).run()
      orm.delete(tagClaims).where(named(tagClaims.streamId, tagClaims.tag)).run()
    }
    return { fromSpec, fromStatus }
  }
