import { and, eq, inArray, sql } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
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
export function createRemoveTags({ orm }: Database) {
  const streamId = sql.placeholder('streamId')
  // one parameter for all names: a statement has at most 32,766
  const names = sql`(select value from json_each(${sql.placeholder('names')}))`
  // prepared: a full scan or a client may remove thousands of tags one by one
  const removal = (table: SQLiteTable & { streamId: SQLiteColumn }, name: SQLiteColumn) =>
    orm
      .delete(table)
      .where(and(eq(table.streamId, streamId), inArray(name, names)))
      .prepare()
  const removeFromStatus = removal(tags, tags.name)
  const removeFromSpec = removal(specTags, specTags.name)
  const removeSchedules = removal(importSchedules, importSchedules.tag)
  const removeClaims = removal(tagClaims, tagClaims.tag)
  const isWatch = eq(repositoryWatches.streamId, streamId)
  const forgetListing = orm.update(repositoryWatches).set({ marks: null }).where(isWatch).prepare()

  return (_tx: Transaction, id: number, tagNames: readonly TagName[]): RemovedTags => {
    const values = { streamId: id, names: JSON.stringify(tagNames) }
    const fromStatus = removeFromStatus.run(values).changes > 0
    const fromSpec = removeFromSpec.run(values).changes > 0
    if (fromSpec) removeSchedules.run(values)
    if (fromStatus || fromSpec) {
      // the next import adds the repository's tags of these names, although the vendor's listing has not changed
      forgetListing.run(values)
      removeClaims.run(values)
    }
    return { fromSpec, fromStatus }
  }
}
