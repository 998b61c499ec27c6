import { and, eq, inArray, isNotNull, isNull, notExists, sql } from 'drizzle-orm'
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Database } from '../../db/open.ts'
import {
  importSchedules,
  reportedMoves,
  repositoryWatches,
  specTags,
  tagClaims,
  tagConditions,
  tagEvents,
  tags,
} from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'

/**
 * Creates the removal of spec tags of a stream and of what is known about their sources. The status keeps the tags with
 * their images and histories, and without the failures of their imports.
 */
export function createRemoveSpecTags({ orm }: Database) {
  const streamId = sql.placeholder('streamId')
  // one parameter for all names: a statement has at most 32,766
  const names = sql`(select value from json_each(${sql.placeholder('names')}))`
  // prepared: a full scan or a client may remove thousands of tags one by one
  const removal = (table: SQLiteTable & { streamId: SQLiteColumn }, name: SQLiteColumn) =>
    orm
      .delete(table)
      .where(and(eq(table.streamId, streamId), inArray(name, names)))
      .prepare()
  const removeFromSpec = removal(specTags, specTags.name)
  const removeSchedules = removal(importSchedules, importSchedules.tag)
  const removeClaims = removal(tagClaims, tagClaims.tag)
  const isWatch = eq(repositoryWatches.streamId, streamId)
  const forgetListing = orm.update(repositoryWatches).set({ marks: null }).where(isWatch).prepare()

  const ofTags = and(eq(tags.streamId, streamId), inArray(tags.name, names))
  const itsEvents = orm.select({ id: tagEvents.id }).from(tagEvents).where(eq(tagEvents.tagId, tags.id))
  const itsReports = orm
    .select({ id: reportedMoves.id })
    .from(reportedMoves)
    .where(eq(reportedMoves.tagId, tags.id))
  const failing = orm
    .select({ id: tags.id })
    .from(tags)
    .where(and(ofTags, isNotNull(tags.failing)))
  const removeConditions = orm.delete(tagConditions).where(inArray(tagConditions.tagId, failing)).prepare()
  const setWorking = orm
    .update(tags)
    .set({
      failing: null,
      missingSince: null,
      goneAt: null,
      // a removed tag whose import failed is a removed tag again
      removedAt: sql`iif(${tags.newestEventId} is null,
        (select max(e.removed_at) from tag_events e where e.tag_id = tags.id), null)`,
    })
    .where(and(ofTags, isNotNull(tags.failing)))
    .prepare()
  const removeEmpty = orm
    .delete(tags)
    .where(and(ofTags, isNull(tags.newestEventId), notExists(itsEvents), notExists(itsReports)))
    .prepare()
  /** Removes the failures of imports of the tags' sources, and the tags that have nothing else. */
  const clearFailures = (values: { streamId: number; names: string }): void => {
    removeConditions.run(values)
    setWorking.run(values)
    removeEmpty.run(values)
  }

  /** Makes the next import request the repository's tags of these names, although the vendor's listing has not changed. */
  const forgetSources = (_tx: Transaction, id: number, tagNames: readonly TagName[]): void => {
    const values = { streamId: id, names: JSON.stringify(tagNames) }
    forgetListing.run(values)
    removeClaims.run(values)
  }

  return {
    forgetSources,
    /** Removes spec tags. Reports whether the spec had one of them. */
    removeSpecTags(tx: Transaction, id: number, tagNames: readonly TagName[]): boolean {
      const values = { streamId: id, names: JSON.stringify(tagNames) }
      if (removeFromSpec.run(values).changes === 0) return false
      removeSchedules.run(values)
      clearFailures(values)
      forgetSources(tx, id, tagNames)
      return true
    },
  }
}
