import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { type Digest, parseDigest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream, SpecTag } from '../spec/spec.ts'
import {
  type From,
  formatStreamTag,
  type Home,
  isFromStream,
  type StreamImage,
  type StreamTag,
  streamImageOf,
  streamTagOf,
} from '../spec/tag-source.ts'
import type { TagRecorder } from '../tag/record.ts'
import type { Tags } from '../tag/tag.ts'
import { takenOver } from '../tag/tag-change.ts'
import { createFollowChains, formatCycle } from './follow-chains.ts'
import type { Streams } from './stream.ts'

/** What a tag or an image of a stream means. */
export interface Meaning {
  readonly imageId: number
  readonly digest: Digest
  /** Pull spec, as the stream's own history has it. */
  readonly dockerImageReference: string
}

/** Spec tags whose image comes from a stream: what it means, and what they take over from it. */
export interface Following {
  /**
   * What `from` means now; undefined where it names nothing of a stream, or a tag or whole digest that is not there.
   * Throws NotFoundError and ConflictError for the beginning of a digest that is of none or of several.
   */
  meaning(home: Home, from: From): Meaning | undefined
  /**
   * Inside the transaction that wrote these spec tags of the stream: each gets what its source means now, if that is
   * a tag or an image of a stream, or what its rule chooses of the stream's own tags.
   * Throws InvalidInputError where one follows itself through others.
   */
  takeOver(tx: Transaction, stream: ImageStream, written: WrittenSpecTags): void
}

export interface WrittenSpecTags {
  /** Those to take over what their sources mean. */
  readonly tags: readonly TagName[]
  /** All that were written or removed, and may be chosen otherwise now; by default `tags`. */
  readonly rewritten?: readonly TagName[]
  /** The place of a tag's `from.name`. */
  readonly fieldOf: (tag: TagName) => string
}

export interface FollowingDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly tags: Pick<Tags, 'digestsInHistory'>
  readonly recorder: Pick<TagRecorder, 'recordSpecTags'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Candidates that an ambiguous digest is answered with. */
const MAX_CANDIDATES = 10

export function createFollowing({ db, streams, tags, recorder, now }: FollowingDependencies): Following {
  const chains = createFollowChains(db)
  const MEANING = 'i.id as imageId, i.digest, e.docker_image_reference as dockerImageReference'
  const newest = db.prepare<Meaning>(
    `select ${MEANING} from image_streams s
       join tags t on t.stream_id = s.id
       join tag_events e on e.id = t.newest_event_id
       join images i on i.id = e.image_id
     where s.namespace = ? and s.name = ? and t.name = ?`,
  )
  // several tags may have had the image, from several places: the one that got it last says where it is
  const inHistory = db.prepare<Meaning>(
    `select ${MEANING} from images i
       join tag_events e on e.image_id = i.id
       join tags t on t.id = e.tag_id
     where i.digest = ? and t.stream_id = ? order by e.id desc limit 1`,
  )

  const meaningOfTag = ({ namespace, stream, tag }: StreamTag): Meaning | undefined =>
    newest.get(namespace, stream, tag)

  const meaningOfImage = (image: StreamImage): Meaning | undefined => {
    const id = streams.byName(image.namespace, image.stream)?.id
    const digest = parseDigest(image.digest) ?? wholeDigest(image, id)
    return id === undefined ? undefined : inHistory.get(digest, id)
  }

  const wholeDigest = ({ namespace, stream, digest }: StreamImage, id: number | undefined): string => {
    const found = id === undefined ? [] : tags.digestsInHistory(id, digest, MAX_CANDIDATES)
    const [only] = found
    if (!only) throw new NotFoundError(`${namespace}/${stream} never had an image ${digest}`)
    if (found.length > 1) {
      throw new ConflictError(
        `"${stream}@${digest}" may mean ${found.map((one) => one.digest).join(', ')}: give more of the digest`,
      )
    }
    return only.digest
  }

  const meaning: Following['meaning'] = (home, from) => {
    const tag = streamTagOf(home, from)
    if (tag) return meaningOfTag(tag)
    const image = streamImageOf(home, from)
    return image && meaningOfImage(image)
  }

  /** What others follow comes first: who follows two steps away gets one event, the last. */
  const sourcesFirst = (
    home: Home,
    written: readonly SpecTag[],
    fieldOf: (tag: TagName) => string,
  ): SpecTag[] => {
    const names = written.map(({ name }) => ({ namespace: home.namespace, stream: home.name, tag: name }))
    const found = chains.depths(names)
    if ('cycle' in found) {
      const cycle = beginningWith(found.cycle, names)
      throw new InvalidInputError(
        fieldOf(cycle[0]?.tag as TagName),
        `a tag cannot follow itself: ${formatCycle(cycle)}`,
      )
    }
    const depthOf = new Map(written.map((tag, at) => [tag, found.depths[at] ?? 0]))
    return [...written].sort((a, b) => (depthOf.get(a) ?? 0) - (depthOf.get(b) ?? 0))
  }

  return {
    meaning,
    takeOver(tx, stream, { tags, rewritten = tags, fieldOf }) {
      const specTags = tags.flatMap((tag) => streams.specTag(stream.id, tag) ?? [])
      const fromStreams = sourcesFirst(stream, specTags.filter(isFromStream), fieldOf)
      const address = { streamId: stream.id, namespace: stream.namespace, streamName: stream.name }
      const eventsOf = function* (written: readonly SpecTag[]) {
        for (const specTag of written) {
          const meant = meaning(stream, specTag)
          const { name: tag, generation } = specTag
          if (meant) yield { tag, change: takenOver(meant, { generation, at: now() }) }
        }
      }
      // rules choose among the tags that follow none, and others may follow what they choose
      const once = fromStreams.filter(({ followsTag }) => followsTag === null)
      const following = fromStreams.filter(({ followsTag }) => followsTag !== null)
      recorder.recordSpecTags(tx, address, { events: eventsOf(once), rewritten })
      recorder.recordSpecTags(tx, address, { events: eventsOf(following), rewritten: [] })
    },
  }
}

/** The cycle from the first of its tags that was just written, so that the error stands where it was made. */
function beginningWith(cycle: readonly StreamTag[], written: readonly StreamTag[]): StreamTag[] {
  const names = new Set(written.map(formatStreamTag))
  const first = Math.max(
    0,
    cycle.findIndex((tag) => names.has(formatStreamTag(tag))),
  )
  return [...cycle.slice(first), ...cycle.slice(0, first)]
}
