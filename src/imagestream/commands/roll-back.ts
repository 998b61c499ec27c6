import type { Database } from '../../db/open.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Images } from '../image/image.ts'
import { checkResourceVersion } from '../spec/resource-version.ts'
import type { Streams } from '../stream/stream.ts'
import type { LookBack } from '../tag/look-back.ts'
import type { Tag, TagEvent, Tags } from '../tag/tag.ts'
import type { Tagging } from './tag-image.ts'

/** Exactly one of `digest` and `at` says where back to. */
export interface RollBackTag {
  readonly namespace: string
  readonly imageStream: string
  readonly tag: string
  /** An image that the tag has meant. */
  readonly digest?: Digest | null | undefined
  /** Milliseconds since 1970: whatever the tag meant then. */
  readonly at?: number | null | undefined
  readonly resourceVersion?: string | null | undefined
}

export interface RolledBack {
  /** The tag as it is now. */
  readonly tag: Tag
  /** What the tag means now: an entry of its own, but where it meant the image already. */
  readonly event: TagEvent
  /** What it meant until now; null where it meant the image already. */
  readonly previous: TagEvent | null
}

export interface RollBackDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly tags: Tags
  readonly images: Images
  readonly lookBack: LookBack
  readonly tagging: Pick<Tagging, 'tagImage'>
}

/**
 * Lets a tag mean an image again that it meant before, and pins it there as `oc tag stream@digest stream:tag` does, so that
 * the next import or a tag that it followed does not undo it. What it means already is no new entry, and is pinned alike.
 * Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest.
 */
export type RollBackCommand = (input: RollBackTag) => RolledBack

/** Entries of the history that a refusal names. */
const MAX_NAMED = 10

export function createRollBack(dependencies: RollBackDependencies): RollBackCommand {
  const { db, streams, tags, images, lookBack, tagging } = dependencies

  const newestOf = ({ id }: Tag): TagEvent | undefined => tags.events([id], { limit: 1, peek: false })[0]

  const find = ({ namespace, imageStream, tag, resourceVersion }: RollBackTag) => {
    checkNamespace(namespace)
    checkStreamName(namespace, imageStream, 'imageStream')
    const name = checkTagName(tag)
    const stream = streams.byName(namespace, imageStream)
    if (!stream) throw new NotFoundError(`there is no image stream ${namespace}/${imageStream}`)
    checkResourceVersion({ namespace, name: imageStream, resourceVersion }, stream)
    const [found] = tags.named([stream.id], name)
    const newest = found && newestOf(found)
    if (!found || !newest) throw new NotFoundError(`${namespace}/${imageStream}:${name} never had an image`)
    return { stream, tag: found, newest }
  }

  /** The newest entries of a history, for a person who asked for another. */
  const tell = ({ id }: Tag): string => {
    const events = tags.events([id], { limit: MAX_NAMED })
    const known = images.byIds(events.map(({ imageId }) => imageId))
    const named = events
      .slice(0, MAX_NAMED)
      .map(({ imageId, createdAt }) => `${known.get(imageId)?.digest} since ${formatTime(createdAt)}`)
    return `${named.join(', ')}${events.length > MAX_NAMED ? ' and others before' : ''}`
  }

  const eventOfDigest = (tag: Tag, digest: Digest): TagEvent => {
    const image = images.byDigest(digest)
    const event = image && lookBack.newestOfTag(tag.id, image.id)
    if (!event) {
      throw new InvalidInputError('digest', `the tag never meant ${digest}; it has meant ${tell(tag)}`)
    }
    return event
  }

  const eventAt = (tag: Tag, time: number): TagEvent => {
    const event = lookBack.eventsAt([tag.id], time).get(tag.id)
    if (!event) {
      throw new InvalidInputError(
        'at',
        `the tag meant nothing yet at ${formatTime(time)}; it has meant ${tell(tag)}`,
      )
    }
    return event
  }

  return (input) => {
    const { namespace, imageStream, digest, at } = input
    if ((digest == null) === (at == null)) {
      throw new InvalidInputError(
        'digest',
        'give either "digest", an image that the tag has meant, or "at", a time',
      )
    }
    return db.transact(() => {
      const { stream, tag, newest } = find(input)
      const target = digest != null ? eventOfDigest(tag, digest) : eventAt(tag, at as number)
      const image = images.byIds([target.imageId]).get(target.imageId)
      if (!image) throw new Error(`image ${target.imageId} is referred to and not there`)
      tagging.tagImage({
        namespace,
        imageStream,
        tag: tag.name,
        from: { kind: 'ImageStreamImage', name: `${imageStream}@${image.digest}` },
        alias: false,
        reference: false,
        scheduled: false,
        insecure: false,
      })
      const [now] = tags.named([stream.id], tag.name)
      const event = now && newestOf(now)
      if (!now || !event) throw new Error(`${imageStream}:${tag.name} is gone while it is rolled back`)
      return { tag: now, event, previous: event.imageId === newest.imageId ? null : newest }
    })
  }
}

const formatTime = (milliseconds: number): string => new Date(milliseconds).toISOString()
