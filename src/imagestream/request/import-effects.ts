import { and, asc, eq, inArray, isNotNull, isNull, notExists, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { importFailures, imports } from '../../db/tables/import.ts'
import { imageStreams, specTags } from '../../db/tables/stream.ts'
import { tagEvents, tags } from '../../db/tables/tag.ts'
import type { TagName } from '../../oci/tag.ts'

/** What imports changed and what they could not read, for callers that were notified of a change. */
export const createImportEffects = ({ orm }: Database) => ({ ...tagQueries(orm), ...importQueries(orm) })

/** A tag that an import pointed to another image. */
export type ImportedMove = ReturnType<ReturnType<typeof createImportEffects>['movedTags']>[number]

function tagQueries(orm: Database['orm']) {
  const moved = orm
    .select({
      tag: tags.name,
      source: sql<TagName | ''>`coalesce(${specTags.name}, '')`,
      from: sql<string>`coalesce(${specTags.fromName}, ${imageStreams.dockerImageRepository})`.as('from'),
    })
    .from(tagEvents)
    .innerJoin(tags, eq(tags.id, tagEvents.tagId))
    .innerJoin(imageStreams, eq(imageStreams.id, tags.streamId))
    .leftJoin(specTags, and(eq(specTags.streamId, tags.streamId), eq(specTags.name, tags.name)))
    .where(
      and(
        eq(tagEvents.importId, sql.placeholder('importId')),
        eq(tags.streamId, sql.placeholder('streamId')),
        or(isNull(specTags.name), and(eq(specTags.fromKind, 'DockerImage'), eq(specTags.reference, 0))),
        isNotNull(sql`coalesce(${specTags.fromName}, ${imageStreams.dockerImageRepository})`),
      ),
    )
    .prepare()
  const newest = orm
    .select({ importId: tagEvents.importId })
    .from(tags)
    .innerJoin(tagEvents, eq(tagEvents.id, tags.newestEventId))
    .where(and(eq(tags.streamId, sql.placeholder('streamId')), eq(tags.name, sql.placeholder('tag'))))
    .prepare()
  return {
    /**
     * Returns the tags that the import moved, unless they follow other tags of image streams or are references. `source`
     * is the spec tag that a tag was imported for, empty for the stream's repository; `from` is the reference of that
     * source, as the spec has it.
     */
    movedTags: (importId: number, streamId: number) => moved.all({ importId, streamId }),
    /** Reports whether the newest event of the tag is of this import. */
    hasMoved: (importId: number, streamId: number, tag: TagName): boolean =>
      newest.get({ streamId, tag })?.importId === importId,
  }
}

function importQueries(orm: Database['orm']) {
  const failure = orm
    .select({ reason: importFailures.reason })
    .from(importFailures)
    .where(
      and(
        eq(importFailures.importId, sql.placeholder('importId')),
        eq(importFailures.tag, sql.placeholder('tag')),
      ),
    )
    .prepare()
  const unfinished = orm
    .select({
      streamId: imports.streamId,
      isForWebhook: sql<0 | 1>`${imports.request} ->> '$.urgency' is 'webhook'`,
    })
    .from(imports)
    .where(isNull(imports.finishedAt))
    .prepare()
  return {
    /** Returns why the import could not read the tag; null when it did not fail. */
    failureOf: (importId: number, tag: TagName): string | null =>
      failure.get({ importId, tag })?.reason ?? null,
    /** Returns at most `limit` tags of the repository that the import could not read for one of the reasons, by importance. */
    failedRepositoryTags: (
      importId: number,
      streamId: number,
      { reasons, limit }: { readonly reasons: readonly string[]; readonly limit: number },
    ): TagName[] => {
      const itsSpecTag = orm
        .select({ name: specTags.name })
        .from(specTags)
        .where(and(eq(specTags.streamId, streamId), eq(specTags.name, importFailures.tag)))
      return orm
        .select({ tag: importFailures.tag })
        .from(importFailures)
        .where(
          and(
            eq(importFailures.importId, importId),
            inArray(importFailures.reason, [...reasons]),
            notExists(itsSpecTag),
          ),
        )
        .orderBy(asc(importFailures.importance))
        .limit(limit)
        .all()
        .map(({ tag }) => tag)
    },
    /** Returns the imports that are running or waiting. */
    unfinished: () => unfinished.all(),
  }
}
