import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm'
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

const FROM = sql<string>`${specTags.fromName}`
const REPOSITORY = sql<string>`${imageStreams.dockerImageRepository}`
const HAS_POLICY = sql<0 | 1>`${specTags.policy} is not null`

const contains = (column: SQL, text: string): SQL => sql`instr(${column}, ${text}) > 0`

export function createStreamSources({ orm }: Database) {
  const ofNamespace = (namespace: string): SQL | undefined =>
    and(eq(imageStreams.namespace, namespace), isNull(imageStreams.deletedAt))
  const [streamId, tagName] = [sql.placeholder('streamId'), sql.placeholder('tag')]
  // prepared: these two are read for each stream that a delivery concerns
  const specTag = orm
    .select({ from: specTags.fromName, hasPolicy: HAS_POLICY })
    .from(specTags)
    .where(and(eq(specTags.streamId, streamId), eq(specTags.name, tagName)))
    .prepare()
  const tag = orm
    .select({ upstreamDigest: tags.upstreamDigest, failing: tags.failing })
    .from(tags)
    .where(and(eq(tags.streamId, streamId), eq(tags.name, tagName), isNull(tags.removedAt)))
    .prepare()
  const repositoryOf = (id: number) =>
    orm
      .select({ from: imageStreams.dockerImageRepository })
      .from(imageStreams)
      .where(eq(imageStreams.id, id))
      .get()

  return {
    /** Returns the streams of the namespace whose repository contains the text, in order of their ids. */
    repositoriesContaining: (namespace: string, text: string) =>
      orm
        .select({ streamId: imageStreams.id, from: REPOSITORY })
        .from(imageStreams)
        .where(and(ofNamespace(namespace), contains(REPOSITORY, text)))
        .orderBy(asc(imageStreams.id))
        .all(),
    /**
     * Returns the imported spec tags of the namespace whose reference contains the text, in the order of their streams
     * and specs. `from` is the reference as the spec has it; `hasPolicy` is 1 when a policy chooses the tag.
     */
    specTagsContaining(namespace: string, text: string) {
      const isImported = and(eq(specTags.fromKind, 'DockerImage'), eq(specTags.reference, 0))
      return orm
        .select({ streamId: specTags.streamId, from: FROM, tag: specTags.name, hasPolicy: HAS_POLICY })
        .from(imageStreams)
        .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
        .where(and(ofNamespace(namespace), isImported, contains(FROM, text)))
        .orderBy(asc(specTags.streamId), asc(specTags.position))
        .all()
    },
    /** Returns at most 100 references of the namespace to a registry: of repositories (`tag` is null), then of spec tags. */
    atRegistry(namespace: string, registry: string) {
      const repositories = orm
        .select({ from: REPOSITORY, tag: sql<null>`null` })
        .from(imageStreams)
        .where(and(ofNamespace(namespace), eq(imageStreams.registry, registry)))
        .limit(MAX_REFERENCES)
        .all()
      const ofSpecs = orm
        .select({ from: FROM, tag: specTags.name })
        .from(imageStreams)
        .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
        .where(and(ofNamespace(namespace), eq(specTags.registry, registry), eq(specTags.reference, 0)))
        .limit(MAX_REFERENCES)
        .all()
      return [...repositories, ...ofSpecs].slice(0, MAX_REFERENCES)
    },
    /** Returns the spec tag; undefined where the spec has none of this name. */
    specTag: (id: number, name: TagName) => specTag.get({ streamId: id, tag: name }),
    /** Returns the reference of a spec tag, of the stream's repository for an empty tag; null when there is none. */
    referenceOf: (id: number, name: TagName | ''): string | null =>
      (name === '' ? repositoryOf(id) : specTag.get({ streamId: id, tag: name }))?.from ?? null,
    /**
     * Returns the digest of a tag in the registry's last response, and why the tag cannot be imported at the moment;
     * undefined where the stream has no such tag.
     */
    tag: (id: number, name: TagName) => tag.get({ streamId: id, tag: name }),
    /** Returns at most 100 tags of the stream's repository for which the registry last returned this digest, by name. */
    repositoryTagsWith: (id: number, digest: Digest): TagName[] =>
      orm
        .select({ name: tags.name })
        .from(tags)
        .leftJoin(specTags, and(eq(specTags.streamId, tags.streamId), eq(specTags.name, tags.name)))
        .where(and(eq(tags.streamId, id), eq(tags.upstreamDigest, digest), isNull(specTags.name)))
        .orderBy(asc(tags.name))
        .limit(MAX_TAGS_WITH_DIGEST)
        .all()
        .map(({ name }) => name),
  }
}
