import { and, asc, eq, isNotNull, isNull, notExists, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { imageStreams, specTags } from '../../db/tables/stream.ts'
import { tags } from '../../db/tables/tag.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** A stream that imports the tags of a repository. */
export interface RepositorySource {
  readonly streamId: number
  /** The reference as the spec has it. */
  readonly from: string
}

/** A spec tag that is imported from a registry. */
export interface SpecTagSource extends RepositorySource {
  readonly tag: TagName
  /** 1 when a policy chooses the tag of the repository. */
  readonly hasPolicy: 0 | 1
}

/** Where streams import their tags from, and what their tags point to, for callers that were notified of a change. */
export interface StreamSources {
  /** Streams of the namespace whose repository contains the text, in order of their ids. */
  repositoriesContaining(namespace: string, text: string): RepositorySource[]
  /** Imported spec tags of the namespace whose reference contains the text, in the order of their streams and specs. */
  specTagsContaining(namespace: string, text: string): SpecTagSource[]
  /** At most 100 references of the namespace to a registry: first of repositories (`tag` is null), then of spec tags. */
  atRegistry(namespace: string, registry: string): { readonly from: string; readonly tag: TagName | null }[]
  /** The reference of a spec tag, of the stream's repository for an empty tag; null when there is none. */
  referenceOf(streamId: number, tag: TagName | ''): string | null
  isSpecTag(streamId: number, tag: TagName): boolean
  /** Reports whether it is a spec tag with a policy. */
  hasPolicy(streamId: number, tag: TagName): boolean
  hasTag(streamId: number, tag: TagName): boolean
  /** Reports whether the registry returned this digest for the tag when it was last requested. */
  hasUpstreamDigest(streamId: number, tag: TagName, digest: Digest): boolean
  /** The same, unless the tag cannot be imported at the moment. */
  isCurrent(streamId: number, tag: TagName, digest: Digest): boolean
  /** At most 100 tags of the stream's repository for which the registry last returned this digest, by name. */
  repositoryTagsWith(streamId: number, digest: Digest): TagName[]
}

const MAX_REFERENCES = 100
const MAX_TAGS_WITH_DIGEST = 100

export function createStreamSources(db: Database): StreamSources {
  return { ...sourceQueries(db), ...tagQueries(db) }
}

const contains = (column: SQL | typeof specTags.fromName | typeof imageStreams.dockerImageRepository): SQL =>
  sql`instr(${column}, ${sql.placeholder('text')}) > 0`

const specTagIs = and(
  eq(specTags.streamId, sql.placeholder('streamId')),
  eq(specTags.name, sql.placeholder('tag')),
)
const tagIs = and(eq(tags.streamId, sql.placeholder('streamId')), eq(tags.name, sql.placeholder('tag')))
const ONE = { one: sql<1>`1` }

function sourceQueries({ orm }: Database) {
  const repository = sql<string>`${imageStreams.dockerImageRepository}`
  const reference = sql<string>`${specTags.fromName}`
  const ofNamespace = eq(imageStreams.namespace, sql.placeholder('namespace'))

  const repositories = orm
    .select({ streamId: imageStreams.id, from: repository })
    .from(imageStreams)
    .where(and(ofNamespace, contains(imageStreams.dockerImageRepository)))
    .orderBy(asc(imageStreams.id))
    .prepare()
  const spec = orm
    .select({
      streamId: specTags.streamId,
      from: reference,
      tag: specTags.name,
      hasPolicy: sql<0 | 1>`${specTags.policy} is not null`,
    })
    .from(imageStreams)
    .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
    .where(
      and(
        ofNamespace,
        eq(specTags.fromKind, 'DockerImage'),
        eq(specTags.reference, 0),
        contains(specTags.fromName),
      ),
    )
    .orderBy(asc(specTags.streamId), asc(specTags.position))
    .prepare()
  const repositoriesAt = orm
    .select({ from: repository, tag: sql<null>`null` })
    .from(imageStreams)
    .where(and(ofNamespace, eq(imageStreams.registry, sql.placeholder('registry'))))
    .limit(MAX_REFERENCES)
    .prepare()
  const specTagsAt = orm
    .select({ from: reference, tag: specTags.name })
    .from(imageStreams)
    .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
    .where(and(ofNamespace, eq(specTags.registry, sql.placeholder('registry')), eq(specTags.reference, 0)))
    .limit(MAX_REFERENCES)
    .prepare()
  const repositoryOf = orm
    .select({ from: imageStreams.dockerImageRepository })
    .from(imageStreams)
    .where(eq(imageStreams.id, sql.placeholder('streamId')))
    .prepare()
  const specTagOf = orm.select({ from: specTags.fromName }).from(specTags).where(specTagIs).prepare()

  return {
    repositoriesContaining: (namespace, text) => repositories.all({ namespace, text }),
    specTagsContaining: (namespace, text) => spec.all({ namespace, text }),
    atRegistry: (namespace, registry) =>
      [...repositoriesAt.all({ namespace, registry }), ...specTagsAt.all({ namespace, registry })].slice(
        0,
        MAX_REFERENCES,
      ),
    referenceOf: (streamId, tag) =>
      (tag === '' ? repositoryOf.get({ streamId }) : specTagOf.get({ streamId, tag }))?.from ?? null,
  } satisfies Partial<StreamSources>
}

function tagQueries({ orm }: Database) {
  const specTag = orm.select(ONE).from(specTags).where(specTagIs).prepare()
  const policy = orm
    .select(ONE)
    .from(specTags)
    .where(and(specTagIs, isNotNull(specTags.policy)))
    .prepare()
  const tag = orm.select(ONE).from(tags).where(tagIs).prepare()
  const hasDigest = eq(tags.upstreamDigest, sql.placeholder('digest'))
  const withDigest = orm.select(ONE).from(tags).where(and(tagIs, hasDigest)).prepare()
  const current = orm
    .select(ONE)
    .from(tags)
    .where(and(tagIs, hasDigest, isNull(tags.failing)))
    .prepare()
  const itsSpecTag = orm
    .select(ONE)
    .from(specTags)
    .where(and(eq(specTags.streamId, tags.streamId), eq(specTags.name, tags.name)))
  const tagsWithDigest = orm
    .select({ name: tags.name })
    .from(tags)
    .where(and(eq(tags.streamId, sql.placeholder('streamId')), hasDigest, notExists(itsSpecTag)))
    .orderBy(asc(tags.name))
    .limit(MAX_TAGS_WITH_DIGEST)
    .prepare()

  return {
    isSpecTag: (streamId, name) => specTag.get({ streamId, tag: name }) !== undefined,
    hasPolicy: (streamId, name) => policy.get({ streamId, tag: name }) !== undefined,
    hasTag: (streamId, name) => tag.get({ streamId, tag: name }) !== undefined,
    hasUpstreamDigest: (streamId, name, digest) =>
      withDigest.get({ streamId, tag: name, digest }) !== undefined,
    isCurrent: (streamId, name, digest) => current.get({ streamId, tag: name, digest }) !== undefined,
    repositoryTagsWith: (streamId, digest) =>
      tagsWithDigest.all({ streamId, digest }).map(({ name }) => name),
  } satisfies Partial<StreamSources>
}
