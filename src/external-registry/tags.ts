import { and, asc, eq, gt, lte, sql } from 'drizzle-orm'
import { yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database, Orm } from '../db/open.ts'
import { images as imageRows, imageStreams, tagEvents, tags } from '../db/tables/index.ts'
import type { Transaction } from '../db/transact.ts'
import type { StreamWriter } from '../imagestream/commands/write-stream.ts'
import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import type { FetchedImage, Image } from '../imagestream/image/image.ts'
import type { Images } from '../imagestream/image/images.ts'
import { emptySpec } from '../imagestream/spec/change-spec.ts'
import type { Streams } from '../imagestream/stream/stream.ts'
import type { TagRecorder } from '../imagestream/tag/record.ts'
import type { Digest } from '../oci/digest.ts'
import { pullSpecByDigest } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import { type ExternalOrigin, originOf } from './origin.ts'

export interface ExternalTagsDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: Pick<StreamWriter, 'insert'>
  readonly images: Images
  readonly recorder: TagRecorder
  /** `host[:port]` of the external registry in pull specs. */
  readonly registry: string
  /** Import mode of created streams. */
  readonly importMode: ImportMode
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The current state of a stream's tag. */
export interface ExternalTag {
  readonly streamId: number
  readonly tag: TagName
  readonly eventId: number
  readonly imageId: number
  readonly digest: Digest
  /** Digest that the tag's registry returned; it can be the index from which the image was chosen. */
  readonly upstreamDigest: Digest | null
  readonly dockerImageReference: string
  /** 1 when the stream has a spec tag of this name. */
  readonly isInSpec: 0 | 1
}

/** The streams that mirror the external registry. */
export interface ExternalTags {
  find(origin: ExternalOrigin, tag: TagName): ExternalTag | undefined
  /** Returns the tags whose newest entry comes from the repository. */
  tagsFrom(origin: ExternalOrigin): ExternalTag[]
  /** Reports whether the tag's newest entry comes from the repository. */
  isFrom(origin: ExternalOrigin, tag: ExternalTag): boolean
  /** Reports whether the tag's history has the image. */
  hadImage(tag: ExternalTag, digest: Digest): boolean
  /** Yields the repositories from which the newest entry of a tag comes, whether or not the registry still has them. */
  repositories(): AsyncIterable<string>
  /**
   * Stores the image, and points the tag to it unless `tag` is null. Creates the stream if it does not exist. Returns
   * whether the tag got another image.
   */
  record(tx: Transaction, origin: ExternalOrigin, tag: TagName | null, image: FetchedImage | Image): boolean
  /** Removes the tag with its history and its spec tag. */
  remove(tx: Transaction, tag: ExternalTag): void
  /** Reports, inside a transaction, whether the tag is the same as before. */
  isUnchanged(origin: ExternalOrigin, tag: TagName, before: ExternalTag | undefined): boolean
}

/** Streams that one statement reads. */
const STREAMS = 50

export function createExternalTags(dependencies: ExternalTagsDependencies): ExternalTags {
  const { db, streams, writer, images, recorder, registry, importMode, now } = dependencies
  const queries = prepareQueries(db.orm)
  const registryPrefix = `${registry}/`
  const prefixOf = ({ repository }: ExternalOrigin): string => `${registryPrefix}${repository}@`

  const find: ExternalTags['find'] = ({ namespace, name }, tag) => {
    const stream = streams.byName(namespace, name)
    return stream && queries.byName.get({ streamId: stream.id, tag })
  }

  return {
    find,
    tagsFrom(origin) {
      const stream = streams.byName(origin.namespace, origin.name)
      const prefix = prefixOf(origin)
      return stream ? queries.byPrefix.all({ streamId: stream.id, prefix, length: prefix.length }) : []
    },
    isFrom: (origin, { dockerImageReference }) => dockerImageReference.startsWith(prefixOf(origin)),
    hadImage: ({ streamId, tag }, digest) => queries.event.get({ streamId, tag, digest }) !== undefined,

    async *repositories() {
      for (let after = 0; ; ) {
        const end = queries.nextStreams.all({ after }).at(-1)?.id
        if (end === undefined) return
        const range = { after, end, prefix: registryPrefix, length: registryPrefix.length }
        for (const { namespace, name, reference } of queries.references.all(range)) {
          const origin = originOf(reference.slice(registryPrefix.length))
          // other streams may import from this registry too
          if (origin?.namespace === namespace && origin.name === name) yield origin.repository
        }
        after = end
        await yieldToEventLoop()
      }
    },

    record(tx, { repository, namespace, name }, tag, image) {
      const stream =
        streams.byName(namespace, name) ??
        writer.insert(tx, { namespace, name }, emptySpec(importMode)).stream
      const pullSpec = (digest: Digest): string => pullSpecByDigest({ registry, repository }, digest)
      const imageId = images.store(tx, image, pullSpec)
      if (tag === null) return false
      const address = { streamId: stream.id, namespace, streamName: name, tag }
      const { pushed } = recorder.recordTagEvent(tx, address, {
        imageId,
        dockerImageReference: pullSpec(image.digest),
        generation: streams.generations(stream.id, tag)?.specTag ?? stream.generation,
        source: 'REGISTRY',
        upstreamDigest: image.digest,
        at: now(),
      })
      return pushed
    },
    remove: (tx, { streamId, tag }) => void recorder.removeTag(tx, { streamId, tag }),
    isUnchanged(origin, tag, before) {
      const current = find(origin, tag)
      return current?.eventId === before?.eventId && current?.imageId === before?.imageId
    },
  }
}

function prepareQueries(orm: Orm) {
  const streamId = sql.placeholder('streamId')
  const startsWithPrefix = sql`substr(${tagEvents.dockerImageReference}, 1, ${sql.placeholder('length')})
    = ${sql.placeholder('prefix')}`
  const current = () =>
    orm
      .select({
        streamId: tags.streamId,
        tag: tags.name,
        eventId: tagEvents.id,
        imageId: tagEvents.imageId,
        digest: imageRows.digest,
        upstreamDigest: tags.upstreamDigest,
        dockerImageReference: tagEvents.dockerImageReference,
        isInSpec: sql<0 | 1>`exists (select 1 from spec_tags s
          where s.stream_id = ${tags.streamId} and s.name = ${tags.name})`,
      })
      .from(tags)
      .innerJoin(tagEvents, eq(tagEvents.id, tags.newestEventId))
      .innerJoin(imageRows, eq(imageRows.id, tagEvents.imageId))
  return {
    byName: current()
      .where(and(eq(tags.streamId, streamId), eq(tags.name, sql.placeholder('tag'))))
      .prepare(),
    byPrefix: current()
      .where(and(eq(tags.streamId, streamId), startsWithPrefix))
      .orderBy(asc(tags.name))
      .prepare(),
    event: orm
      .select({ id: tagEvents.id })
      .from(tags)
      .innerJoin(tagEvents, eq(tagEvents.tagId, tags.id))
      .innerJoin(imageRows, eq(imageRows.id, tagEvents.imageId))
      .where(
        and(
          eq(tags.streamId, streamId),
          eq(tags.name, sql.placeholder('tag')),
          eq(imageRows.digest, sql.placeholder('digest')),
        ),
      )
      .limit(1)
      .prepare(),
    nextStreams: orm
      .select({ id: imageStreams.id })
      .from(imageStreams)
      .where(gt(imageStreams.id, sql.placeholder('after')))
      .orderBy(asc(imageStreams.id))
      .limit(STREAMS)
      .prepare(),
    references: orm
      .selectDistinct({
        namespace: imageStreams.namespace,
        name: imageStreams.name,
        reference: sql<string>`substr(${tagEvents.dockerImageReference}, 1,
          instr(${tagEvents.dockerImageReference}, '@') - 1)`,
      })
      .from(imageStreams)
      .innerJoin(tags, eq(tags.streamId, imageStreams.id))
      .innerJoin(tagEvents, eq(tagEvents.id, tags.newestEventId))
      .where(
        and(
          gt(imageStreams.id, sql.placeholder('after')),
          lte(imageStreams.id, sql.placeholder('end')),
          startsWithPrefix,
        ),
      )
      .prepare(),
  }
}
