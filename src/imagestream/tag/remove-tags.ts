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

/** Removes tags of a stream with their histories, their spec tags and what depends on either. */
export type RemoveTags = (tx: Transaction, streamId: number, names: readonly TagName[]) => RemovedTags

export function createRemoveTags(db: Database): RemoveTags {
  const streamId = sql.placeholder('streamId')
  // one parameter for all names: a statement has at most 32,766
  const named = (stream: SQLiteColumn, name: SQLiteColumn) =>
    and(eq(stream, streamId), inArray(name, sql`(select value from json_each(${sql.placeholder('names')}))`))
  const removeFromStatus = db.orm.delete(tags).where(named(tags.streamId, tags.name)).prepare()
  const removeFromSpec = db.orm.delete(specTags).where(named(specTags.streamId, specTags.name)).prepare()
  const removeSchedules = db.orm
    .delete(importSchedules)
    .where(named(importSchedules.streamId, importSchedules.tag))
    .prepare()
  const removeClaims = db.orm.delete(tagClaims).where(named(tagClaims.streamId, tagClaims.tag)).prepare()
  const forgetListing = db.orm
    .update(repositoryWatches)
    .set({ marks: null })
    .where(eq(repositoryWatches.streamId, streamId))
    .prepare()

  return (_tx, id, names) => {
    const values = { streamId: id, names: JSON.stringify(names) }
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
