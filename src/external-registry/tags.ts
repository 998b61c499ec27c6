import { yieldToEventLoop } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
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
import { type Origin, originOf } from './origin.ts'

export interface ExternalTagsDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: Pick<StreamWriter, 'insert'>
  readonly images: Images
  readonly recorder: TagRecorder
  /** `host[:port]`, as pull specs name the external registry. */
  readonly registry: string
  /** How streams import that do not say. */
  readonly importMode: ImportMode
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What a tag of a stream means now. */
export interface ExternalTag {
  readonly streamId: number
  readonly tag: TagName
  readonly eventId: number
  readonly imageId: number
  readonly digest: Digest
  /** What its registry answered, where that is another digest than the image's. */
  readonly upstreamDigest: Digest | null
  readonly dockerImageReference: string
  /** 1 when the stream's spec names the tag. */
  readonly isInSpec: 0 | 1
}

/** The streams as the external registry fills them. */
export interface ExternalTags {
  find(origin: Origin, tag: TagName): ExternalTag | undefined
  /** The tags that the registry's repository gave, and nobody else since. */
  fromHere(origin: Origin): ExternalTag[]
  isFromHere(origin: Origin, tag: ExternalTag): boolean
  /** Whether the tag ever meant this image. */
  everMeant(tag: ExternalTag, digest: Digest): boolean
  /** Repositories that gave a tag which nobody else gave since, whether the registry has them or not. */
  repositories(): AsyncIterable<string>
  /**
   * Keeps the image, and makes the tag mean it unless there is none; creates the stream where there is none. Whether that
   * is a push.
   */
  record(tx: Transaction, origin: Origin, tag: TagName | null, image: FetchedImage | Image): boolean
  /** Removes the tag with its history and what the spec says of it. */
  remove(tx: Transaction, tag: ExternalTag): void
  /** Inside a transaction: whether the tag still is what was read before it. */
  isStill(origin: Origin, tag: TagName, before: ExternalTag | undefined): boolean
}

const TAGS = `select t.stream_id as streamId, t.name as tag, e.id as eventId, e.image_id as imageId, i.digest,
    t.upstream_digest as upstreamDigest, e.docker_image_reference as dockerImageReference,
    exists (select 1 from spec_tags s where s.stream_id = t.stream_id and s.name = t.name) as isInSpec
  from tags t join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id`

/** Streams that one statement looks through for repositories; between two such pieces other work gets its turn. */
const PIECE = 50

export function createExternalTags(dependencies: ExternalTagsDependencies): ExternalTags {
  const { db, streams, writer, images, recorder, registry, importMode, now } = dependencies
  const named = db.prepare<ExternalTag>(`${TAGS} where t.stream_id = ? and t.name = ?`)
  const ofRepository = db.prepare<ExternalTag>(
    `${TAGS} where t.stream_id = ? and substr(e.docker_image_reference, 1, ?) = ? order by t.name`,
  )
  const meant = db.prepare<object>(
    `select 1 from tag_events e join images i on i.id = e.image_id
     where e.tag_id = (select id from tags where stream_id = ? and name = ?) and i.digest = ? limit 1`,
  )
  const nextStreams = db.prepare<{ id: number }>(
    'select id from image_streams where id > ? order by id limit ?',
  )
  const references = db.prepare<{ namespace: string; name: string; reference: string }>(
    `select distinct s.namespace, s.name, substr(e.docker_image_reference, 1,
         instr(e.docker_image_reference, '@') - 1) as reference
     from image_streams s join tags t on t.stream_id = s.id join tag_events e on e.id = t.newest_event_id
     where s.id > ? and s.id <= ? and substr(e.docker_image_reference, 1, ?) = ?`,
  )
  const everything = `${registry}/`
  const prefixOf = ({ repository }: Origin): string => `${everything}${repository}@`

  const find: ExternalTags['find'] = ({ namespace, name }, tag) => {
    const stream = streams.byName(namespace, name)
    return stream && named.get(stream.id, tag)
  }

  return {
    find,
    fromHere(origin) {
      const stream = streams.byName(origin.namespace, origin.name)
      const prefix = prefixOf(origin)
      return stream ? ofRepository.all(stream.id, prefix.length, prefix) : []
    },
    isFromHere: (origin, { dockerImageReference }) => dockerImageReference.startsWith(prefixOf(origin)),
    everMeant: ({ streamId, tag }, digest) => meant.get(streamId, tag, digest) !== undefined,

    async *repositories() {
      for (let after = 0; ; ) {
        const last = nextStreams.all(after, PIECE).at(-1)?.id
        if (last === undefined) return
        const rows = references.all(after, last, everything.length, everything)
        for (const { namespace, name, reference } of rows) {
          const origin = originOf(reference.slice(everything.length))
          // another stream may import from here: then it is not the repository's
          if (origin?.namespace === namespace && origin.name === name) yield origin.repository
        }
        after = last
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
    isStill(origin, tag, before) {
      const now = find(origin, tag)
      return now?.eventId === before?.eventId && now?.imageId === before?.imageId
    },
  }
}
