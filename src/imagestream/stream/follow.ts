import { principalOf, SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { tagEvents } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { type Digest, parseDigest } from '../../oci/digest.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagRecorder } from '../record/record.ts'
import { mayCopy, type RightsOf } from '../record/record-followers.ts'
import type { ImageStream, SpecTag } from '../spec/spec.ts'
import {
  formatStreamTag,
  isFromStream,
  type StreamImage,
  type StreamTag,
  streamImageOf,
  streamTagOf,
  type TagSource,
} from '../spec/tag-source.ts'
import type { Tags } from '../tag/tag.ts'
import { copiedChange } from '../tag/tag-change.ts'
import { createFollowChains, formatChain, MAX_FOLLOWED } from './follow-chains.ts'
import type { Streams } from './stream.ts'

/** The image that a tag or a digest of a stream points to. */
export interface SourceImage extends Pick<typeof tagEvents.$inferSelect, 'imageId' | 'dockerImageReference'> {
  readonly digest: Digest
  /** The stream that has the image. */
  readonly stream: StreamName
}

/** Spec tags that copy the image of a stream: from one of its tags, from its history, or by a policy. */
export type Following = ReturnType<typeof createFollowing>

export interface WrittenSpecTags {
  readonly stream: ImageStream
  /** Spec tags that get the image of their source. */
  readonly tags: readonly TagName[]
  /** Tags whose spec tag was written or removed, for the policies; by default `tags`. */
  readonly rewritten?: readonly TagName[]
  /** Returns the field of a tag's `from.name`, for errors. */
  readonly fieldOf: (tag: TagName) => string
}

export interface FollowingDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly tags: Tags
  readonly recorder: TagRecorder
  readonly rightsOf: RightsOf
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function createFollowing(dependencies: FollowingDependencies) {
  const { db, streams, recorder, rightsOf, now } = dependencies
  const chainsOf = createFollowChains(db)
  const sourceImage = createSourceImages(dependencies)
  const setWriter = db.prepare('update spec_tags set written_by = ? where stream_id = ? and name = ?')

  /** Sorts sources before their followers: a tag that follows over two steps gets one event. */
  const sourcesFirst = (
    viewer: Viewer,
    home: StreamName,
    written: readonly SpecTag[],
    fieldOf: (tag: TagName) => string,
  ): SpecTag[] => {
    const names = written.map(({ name }) => ({ namespace: home.namespace, stream: home.name, tag: name }))
    // the server's own work takes stored chains as they are
    const found = chainsOf(names, viewer === SYSTEM ? Number.POSITIVE_INFINITY : MAX_FOLLOWED)
    if ('tooLong' in found) {
      const [first] = rotated(found.tooLong, names)
      throw new InvalidInputError(
        fieldOf(first?.tag as TagName),
        `a tag can follow at most ${MAX_FOLLOWED} others, through one another: ${formatChain(viewer, found.tooLong)}; follow a tag nearer to the image`,
      )
    }
    if ('cycle' in found) {
      const cycle = rotated(found.cycle, names)
      throw new InvalidInputError(
        fieldOf(cycle[0]?.tag as TagName),
        `a tag cannot follow itself: ${formatChain(viewer, [...cycle, ...cycle.slice(0, 1)])}`,
      )
    }
    const depthOf = new Map(written.map((tag, at) => [tag, found.depths[at] ?? 0]))
    return [...written].sort((a, b) => (depthOf.get(a) ?? 0) - (depthOf.get(b) ?? 0))
  }

  /**
   * Gives each of the stream's spec tags, which the same transaction wrote, the image of its source, if that is a stream;
   * then the stream's policies choose. Throws InvalidInputError where a tag follows itself through others, or too many.
   */
  const copySources = (
    tx: Transaction,
    viewer: Viewer,
    { stream, tags, rewritten = tags, fieldOf }: WrittenSpecTags,
  ): void => {
    const specTags = tags.flatMap((tag) => streams.specTag(stream.id, tag) ?? [])
    const fromStreams = sourcesFirst(viewer, stream, specTags.filter(isFromStream), fieldOf)
    const address = { streamId: stream.id, namespace: stream.namespace, streamName: stream.name }
    const isAllowed = ({ writtenBy }: SpecTag, source: StreamName): boolean =>
      isSameStream(source, stream) || mayCopy(rightsOf, writtenBy, source)
    const eventsOf = function* (written: readonly SpecTag[]) {
      for (const specTag of written) {
        const image = sourceImage(stream, specTag)
        const { name: tag, generation } = specTag
        if (!image || !isAllowed(specTag, image.stream)) continue
        yield { tag, change: copiedChange(image, { generation, copiedFrom: image.stream, at: now() }) }
      }
    }
    // policies choose among tags that follow no other, and other tags may follow the ones that have a policy
    const copies = fromStreams.filter(({ followsTag }) => followsTag === null)
    const followers = fromStreams.filter(({ followsTag }) => followsTag !== null)
    recorder.recordSpecTags(tx, viewer, { ...address, events: eventsOf(copies), rewritten })
    recorder.recordSpecTags(tx, viewer, { ...address, events: eventsOf(followers), rewritten: [] })
  }

  return {
    /**
     * Returns the image of a spec tag's source now. Undefined where the source is not a stream, or a tag or whole digest
     * that does not exist. Throws NotFoundError for a shortened digest that matches no image, and ConflictError for one that
     * matches several.
     */
    sourceImage,
    copySources,
    /** Lets a spec tag, which the viewer has written again, move by the viewer's rights. */
    setWriter(_tx: Transaction, viewer: Viewer, stream: Pick<ImageStream, 'id'>, tag: TagName): void {
      setWriter.run(principalOf(viewer), stream.id, tag)
    },
  }
}

const isSameStream = (one: StreamName, other: StreamName): boolean =>
  one.namespace === other.namespace && one.name === other.name

/** Maximum number of digests that the error about a shortened digest names. */
const MAX_CANDIDATES = 10

/** An image in the history of a stream. */
interface ImageInHistory {
  readonly imageId: number
  readonly digest: Digest
}

/**
 * Returns the image in a stream's history whose digest is the given one or starts with it; undefined where no image
 * matches. Throws ConflictError where several do.
 */
export function findImageInHistory(
  tags: Pick<Tags, 'digestsInHistory'>,
  streamId: number,
  { stream, digest }: StreamImage,
): ImageInHistory | undefined {
  const found = tags.digestsInHistory(streamId, digest, MAX_CANDIDATES)
  if (found.length < 2) return found[0]
  throw new ConflictError(
    `"${stream}@${digest}" matches several images: ${found.map((one) => one.digest).join(', ')}; give more of the digest`,
  )
}

/** Returns the same image. `streamId` is undefined for an unknown stream. Throws NotFoundError, ConflictError. */
function imageInHistory(
  tags: Pick<Tags, 'digestsInHistory'>,
  streamId: number | undefined,
  image: StreamImage,
): ImageInHistory {
  const found = streamId === undefined ? undefined : findImageInHistory(tags, streamId, image)
  if (!found) throw new NotFoundError(`${image.namespace}/${image.stream} never had an image ${image.digest}`)
  return found
}

type SourceImageRow = Omit<SourceImage, 'stream'>

const COLUMNS = 'i.id as imageId, i.digest, e.docker_image_reference as dockerImageReference'

function createSourceImages({ db, streams, tags }: FollowingDependencies) {
  const newest = db.prepare<SourceImageRow>(
    `select ${COLUMNS} from image_streams s
       join tags t on t.stream_id = s.id
       join tag_events e on e.id = t.newest_event_id
       join images i on i.id = e.image_id
     where s.namespace = ? and s.name = ? and s.deleted_at is null and t.name = ?`,
  )
  // several tags may have had the image from several places: the newest entry has the reference
  const inHistory = db.prepare<SourceImageRow>(
    `select ${COLUMNS} from images i
       join tag_events e on e.image_id = i.id
       join tags t on t.id = e.tag_id
     where i.digest = ? and t.stream_id = ? order by e.id desc limit 1`,
  )

  const ofImage = (image: StreamImage): SourceImageRow | undefined => {
    const id = streams.byName(SYSTEM, image.namespace, image.stream)?.id
    const digest = parseDigest(image.digest) ?? imageInHistory(tags, id, image).digest
    return id === undefined ? undefined : inHistory.get(digest, id)
  }

  return (home: StreamName, source: TagSource): SourceImage | undefined => {
    const tag = streamTagOf(home, source)
    const image = streamImageOf(home, source)
    const named = tag ?? image
    const found = tag ? newest.get(tag.namespace, tag.stream, tag.tag) : image && ofImage(image)
    return found && named && { ...found, stream: { namespace: named.namespace, name: named.stream } }
  }
}

/** Returns the chain from the first of its tags that was just written, which is the field of the error. */
function rotated(chain: readonly StreamTag[], written: readonly StreamTag[]): StreamTag[] {
  const names = new Set(written.map(formatStreamTag))
  const found = chain.findIndex((tag) => names.has(formatStreamTag(tag)))
  const first = Math.max(0, found)
  return [...chain.slice(first), ...chain.slice(0, first)]
}
