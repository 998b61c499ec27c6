import { and, asc, eq, inArray, isNotNull, isNull, notExists, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { importFailures, imports } from '../../db/tables/import.ts'
import { imageStreams, specTags } from '../../db/tables/stream.ts'
import { tagEvents, tags } from '../../db/tables/tag.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { TagName } from '../../oci/tag.ts'

/** A tag that an import pointed to another image. */
export type ImportedMove = ReturnType<ReturnType<typeof createImportEffects>['movedTags']>[number]

/** Why an import could not read a tag. */
type StoredFailure = Pick<typeof importFailures.$inferSelect, 'reason' | 'message'>

/** Creates the reads of what imports changed and what they could not read, for callers that were notified of a change. */
export function createImportEffects({ orm }: Database) {
  // prepared: these two run for each tag that webhooks requested
  const newest = orm
    .select({ importId: tagEvents.importId })
    .from(tags)
    .innerJoin(tagEvents, eq(tagEvents.id, tags.newestEventId))
    .where(and(eq(tags.streamId, sql.placeholder('streamId')), eq(tags.name, sql.placeholder('tag'))))
    .prepare()
  const failure = orm
    .select({ reason: importFailures.reason, message: importFailures.message })
    .from(importFailures)
    .where(
      and(
        eq(importFailures.importId, sql.placeholder('importId')),
        eq(importFailures.tag, sql.placeholder('tag')),
      ),
    )
    .prepare()
  return {
    /**
     * Returns the tags that the import moved, unless they follow other tags of image streams or are references. `source`
     * is the spec tag that a tag was imported for, empty for the stream's repository; `from` is the reference of that
     * source, as the spec has it.
     */
    movedTags(importId: number, streamId: number) {
      const from = sql<string>`coalesce(${specTags.fromName}, ${imageStreams.dockerImageRepository})`
      return orm
        .select({
          tag: tags.name,
          source: sql<TagName | ''>`coalesce(${specTags.name}, '')`,
          from: from.as('from'),
        })
        .from(tagEvents)
        .innerJoin(tags, eq(tags.id, tagEvents.tagId))
        .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
        .leftJoin(specTags, and(eq(specTags.streamId, tags.streamId), eq(specTags.name, tags.name)))
        .where(
          and(
            eq(tagEvents.importId, importId),
            eq(tags.streamId, streamId),
            or(isNull(specTags.name), and(eq(specTags.fromKind, 'DockerImage'), eq(specTags.reference, 0))),
            isNotNull(from),
          ),
        )
        .all()
    },
    /** Reports whether the newest event of the tag is of this import. */
    hasMoved: (importId: number, streamId: number, tag: TagName): boolean =>
      newest.get({ streamId, tag })?.importId === importId,
    /** Returns why the import could not read the tag; null when it did not fail. */
    failureOf: (importId: number, tag: TagName): StoredFailure | null =>
      failure.get({ importId, tag }) ?? null,
    /**
     * Returns at most `limit` tags of the repository that the import could not read for one of the reasons, by importance,
     * each with its failure.
     */
    failedRepositoryTags(
      importId: number,
      streamId: number,
      { reasons, limit }: { readonly reasons: readonly FailureReason[]; readonly limit: number },
    ): (StoredFailure & { readonly tag: TagName })[] {
      const { tag, importance, reason, message } = importFailures
      const isItsSpecTag = and(eq(specTags.streamId, streamId), eq(specTags.name, tag))
      const itsSpecTag = orm.select({ name: specTags.name }).from(specTags).where(isItsSpecTag)
      const isWanted = [
        eq(importFailures.importId, importId),
        inArray(reason, [...reasons]),
        notExists(itsSpecTag),
      ]
      const failures = orm
        .select({ tag, reason, message })
        .from(importFailures)
        .where(and(...isWanted))
      return failures.orderBy(asc(importance)).limit(limit).all()
    },
    /** Returns the imports that are running or waiting. */
    unfinished: () =>
      orm
        .select({
          id: imports.id,
          streamId: imports.streamId,
          isForWebhook: sql<0 | 1>`${imports.request} ->> '$.urgency' is 'webhook'`,
        })
        .from(imports)
        .where(isNull(imports.finishedAt))
        .all(),
  }
}
