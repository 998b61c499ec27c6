import { and, asc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageStreams, specTags } from '../../db/tables/stream.ts'
import { tags } from '../../db/tables/tag.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** Where streams import their tags from, and what their tags point to, for callers that were notified of a change. */
export type StreamSources = ReturnType<typeof createStreamSources>

/** A spec tag that is imported from a registry. */
export type SpecTagSource = ReturnType<StreamSources['specTagsContaining']>[number]

const MAX_REFERENCES = 100
const MAX_TAGS_WITH_DIGEST = 100

const NAMESPACE = eq(imageStreams.namespace, sql.placeholder('namespace'))
const SPEC_TAG = and(
  eq(specTags.streamId, sql.placeholder('streamId')),
  eq(specTags.name, sql.placeholder('tag')),
)
const FROM = sql<string>`${specTags.fromName}`
const REPOSITORY = sql<string>`${imageStreams.dockerImageRepository}`
const HAS_POLICY = sql<0 | 1>`${specTags.policy} is not null`

const contains = (column: SQL): SQL => sql`instr(${column}, ${sql.placeholder('text')}) > 0`

export function createStreamSources({ orm }: Database) {
  const repositories = orm
    .select({ streamId: imageStreams.id, from: REPOSITORY })
    .from(imageStreams)
    .where(and(NAMESPACE, contains(REPOSITORY)))
    .orderBy(asc(imageStreams.id))
    .prepare()
  const ofSpec = orm
    .select({ streamId: specTags.streamId, from: FROM, tag: specTags.name, hasPolicy: HAS_POLICY })
    .from(imageStreams)
    .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
    .where(and(NAMESPACE, eq(specTags.fromKind, 'DockerImage'), eq(specTags.reference, 0), contains(FROM)))
    .orderBy(asc(specTags.streamId), asc(specTags.position))
    .prepare()
  const repositoriesAt = orm
    .select({ from: REPOSITORY, tag: sql<null>`null` })
    .from(imageStreams)
    .where(and(NAMESPACE, eq(imageStreams.registry, sql.placeholder('registry'))))
    .limit(MAX_REFERENCES)
    .prepare()
  const specTagsAt = orm
    .select({ from: FROM, tag: specTags.name })
    .from(imageStreams)
    .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
    .where(and(NAMESPACE, eq(specTags.registry, sql.placeholder('registry')), eq(specTags.reference, 0)))
    .limit(MAX_REFERENCES)
    .prepare()
  const repositoryOf = orm
    .select({ from: imageStreams.dockerImageRepository })
    .from(imageStreams)
    .where(eq(imageStreams.id, sql.placeholder('streamId')))
    .prepare()
  const specTag = orm
    .select({ from: specTags.fromName, hasPolicy: HAS_POLICY })
    .from(specTags)
    .where(SPEC_TAG)
    .prepare()

  return {
    ...tagQueries(orm),
    /** Returns the streams of the namespace whose repository contains the text, in order of their ids. */
    repositoriesContaining: (namespace: string, text: string) => repositories.all({ namespace, text }),
    /**
     * Returns the imported spec tags of the namespace whose reference contains the text, in the order of their streams
     * and specs. `from` is the reference as the spec has it; `hasPolicy` is 1 when a policy chooses the tag.
     */
    specTagsContaining: (namespace: string, text: string) => ofSpec.all({ namespace, text }),
    /** Returns at most 100 references of the namespace to a registry: of repositories (`tag` is null), then of spec tags. */
    atRegistry: (namespace: string, registry: string) =>
      [...repositoriesAt.all({ namespace, registry }), ...specTagsAt.all({ namespace, registry })].slice(
        0,
        MAX_REFERENCES,
      ),
    /** Returns the spec tag; undefined where the spec has none of this name. */
    specTag: (streamId: number, tag: TagName) => specTag.get({ streamId, tag }),
    /** Returns the reference of a spec tag, of the stream's repository for an empty tag; null when there is none. */
    referenceOf: (streamId: number, tag: TagName | ''): string | null =>
      (tag === '' ? repositoryOf.get({ streamId }) : specTag.get({ streamId, tag }))?.from ?? null,
  }
}

function tagQueries(orm: Database['orm']) {
  const tag = orm
    .select({ upstreamDigest: tags.upstreamDigest, failing: tags.failing })
    .from(tags)
    .where(and(eq(tags.streamId, sql.placeholder('streamId')), eq(tags.name, sql.placeholder('tag'))))
    .prepare()
  const withDigest = orm
    .select({ name: tags.name })
    .from(tags)
    .leftJoin(specTags, and(eq(specTags.streamId, tags.streamId), eq(specTags.name, tags.name)))
    .where(
      and(
        eq(tags.streamId, sql.placeholder('streamId')),
        eq(tags.upstreamDigest, sql.placeholder('digest')),
        sql`${specTags.name} is null`,
      ),
    )
    .orderBy(asc(tags.name))
    .limit(MAX_TAGS_WITH_DIGEST)
    .prepare()
  return {
    /**
     * Returns the digest of a tag in the registry's last response, and why the tag cannot be imported at the moment;
     * undefined where the stream has no such tag.
     */
    tag: (streamId: number, name: TagName) => tag.get({ streamId, tag: name }),
    /** Returns at most 100 tags of the stream's repository for which the registry last returned this digest, by name. */
    repositoryTagsWith: (streamId: number, digest: Digest): TagName[] =>
      withDigest.all({ streamId, digest }).map(({ name }) => name),
  }
}
