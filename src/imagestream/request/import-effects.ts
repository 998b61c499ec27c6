import { and, asc, eq, inArray, isNotNull, isNull, notExists, or, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { importFailures, imports } from '../../db/tables/import.ts'
import { imageStreams, specTags } from '../../db/tables/stream.ts'
import { tagEvents, tags } from '../../db/tables/tag.ts'
import type { TagName } from '../../oci/tag.ts'

/** A tag that an import pointed to another image. */
export interface MovedTag {
  readonly tag: TagName
  /** The spec tag that it was imported for; empty for the stream's repository. */
  readonly source: TagName | ''
  /** The reference of that source, as the spec has it. */
  readonly from: string
}

/** What imports changed and what they could not read, for callers that were notified of a change. */
export interface ImportEffects {
  /** Tags that the import moved, unless they follow other tags of image streams or are references. */
  movedTags(importId: number, streamId: number): MovedTag[]
  /** Reports whether the newest event of the tag is of this import. */
  hasMoved(importId: number, streamId: number, tag: TagName): boolean
  /** Why the import could not read the tag; null when it did not fail. */
  failureOf(importId: number, tag: TagName): string | null
  /** At most `limit` tags of the repository that the import could not read for one of the reasons, by importance. */
  failedRepositoryTags(
    importId: number,
    streamId: number,
    failed: { readonly reasons: readonly string[]; readonly limit: number },
  ): TagName[]
  /** Imports that are running or waiting. */
  unfinished(): { readonly streamId: number | null; readonly isForWebhook: 0 | 1 }[]
}

export function createImportEffects(db: Database): ImportEffects {
  return { ...tagQueries(db), ...importQueries(db) }
}

function tagQueries({ orm }: Database) {
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
    movedTags: (importId, streamId) => moved.all({ importId, streamId }),
    hasMoved: (importId, streamId, tag) => newest.get({ streamId, tag })?.importId === importId,
  } satisfies Partial<ImportEffects>
}

function importQueries({ orm }: Database) {
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
    failureOf: (importId, tag) => failure.get({ importId, tag })?.reason ?? null,
    failedRepositoryTags: (importId, streamId, { reasons, limit }) => {
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
    unfinished: () => unfinished.all(),
  } satisfies Partial<ImportEffects>
}
