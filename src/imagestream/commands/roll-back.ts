import { onTag } from '../../access/audit/audit-entry.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Tag } from '../tag/tag.ts'
import type { TagEvent } from '../tag/tag-event.ts'
import { createTagging } from './tag-image.ts'
import { type CommandDependencies, checkTagInput, existingStream, type TagInput } from './write-target.ts'

/** Input of `rollBackTag`, with exactly one of `to`, `digest` and `at`. */
export interface RollBackTagInput extends TagInput {
  /** The image before the present one. */
  readonly to?: 'PREVIOUS' | null | undefined
  /** An image in the history of the tag. */
  readonly digest?: Digest | null | undefined
  /** A time whose image the tag gets. Milliseconds since 1970. */
  readonly at?: number | null | undefined
}

export interface RolledBackTag {
  /** The tag after the command. */
  readonly tag: Tag
  /** Newest entry of the history: a new one, unless the tag pointed to the image already. */
  readonly event: TagEvent
  /** The newest entry before the command; null where the tag pointed to the image already. */
  readonly previous: TagEvent | null
}

/**
 * Points a tag to an image of its history and pins it there as `oc tag stream@digest stream:tag` does, so that no later
 * import and no followed tag undoes it. A tag that points to the image already is pinned without a new entry.
 * A removed tag is restored by it.
 * Throws InvalidInputError, NotFoundError, ConflictError where the resource version is not the newest.
 */
export type RollBackCommand = ReturnType<typeof createRollBack>

export function createRollBack(dependencies: CommandDependencies) {
  const { db, audit, streams, tags, images } = dependencies
  const { setSource } = createTagging(dependencies)
  const targetOf = createTargets(dependencies)

  const newestOf = ({ id }: Tag): TagEvent | undefined => tags.events([id], { limit: 1, peek: false })[0]

  const removedTag = (streamId: number, name: TagName): Tag | undefined => {
    const removed = tags.removed(streamId, name)
    return removed && tags.byIds([removed.tagId]).get(removed.tagId)
  }

  const find = (viewer: Viewer, input: RollBackTagInput) => {
    const { namespace, imageStream, resourceVersion } = input
    const name = checkTagInput(input)
    const stream = existingStream(streams, viewer, { namespace, name: imageStream, resourceVersion })
    const found = tags.named([stream.id], name)[0] ?? removedTag(stream.id, name)
    const newest = found && newestOf(found)
    if (!found || !newest) throw new NotFoundError(`${namespace}/${imageStream}:${name} never had an image`)
    return { stream, tag: found, newest }
  }

  return (viewer: Viewer, input: RollBackTagInput): RolledBackTag => {
    const { namespace, imageStream, to, digest, at } = input
    requireRight(viewer, 'tag', { namespace, name: imageStream })
    if ([to, digest, at].filter((target) => target != null).length !== 1) {
      throw new InvalidInputError(
        'to',
        'give exactly one of "to", the previous image, "digest", an image in the history of the tag, and "at", a time',
      )
    }
    return db.transact((tx) => {
      const { stream, tag, newest } = find(viewer, input)
      const target = targetOf(tag, newest, input)
      const image = images.byIds([target.imageId]).get(target.imageId)
      if (!image) throw new Error(`image ${target.imageId} of tag event ${target.id} is missing`)
      const name = `${imageStream}@${image.digest}`
      // a nested name needs its namespace
      const from = { kind: 'ImageStreamImage', name, ...(name.includes('/') && { namespace }) } as const
      const options = { alias: false, reference: false, scheduled: false, insecure: false }
      setSource(tx, viewer, { namespace, imageStream, tag: tag.name, from, ...options })
      audit.record(tx, viewer, onTag('rollbackTag', input, { digest: image.digest }))
      const [now] = tags.named([stream.id], tag.name)
      const event = now && newestOf(now)
      if (!now || !event) throw new Error(`${imageStream}:${tag.name} is missing after its roll-back`)
      return { tag: now, event, previous: event.id === newest.id ? null : newest }
    })
  }
}

/** Maximum number of entries of the history that an error names. */
const MAX_NAMED = 10

/** Returns a function for the entry of a tag's history that the input names. It throws InvalidInputError. */
function createTargets({ tags, images, lookBack }: CommandDependencies) {
  const describeHistory = ({ id }: Tag): string => {
    const events = tags.events([id], { limit: MAX_NAMED })
    const known = images.byIds(events.map(({ imageId }) => imageId))
    const named = events
      .slice(0, MAX_NAMED)
      .map(({ imageId, createdAt }) => `${known.get(imageId)?.digest} since ${formatTime(createdAt)}`)
    return `${named.join(', ')}${events.length > MAX_NAMED ? ' and others before' : ''}`
  }

  const ofDigest = (tag: Tag, digest: Digest): TagEvent => {
    const [image] = tags.digestsInHistory(tag.streamId, digest, 1)
    const event = image && lookBack.newestOfTag(tag.id, image.imageId)
    if (event) return event
    throw new InvalidInputError(
      'digest',
      `the tag never pointed to ${digest}; its history has ${describeHistory(tag)}`,
    )
  }

  const atTime = (tag: Tag, time: number): TagEvent => {
    const event = lookBack.eventsAt([tag.id], time).get(tag.id)
    if (event) return event
    throw new InvalidInputError(
      'at',
      `the tag had no image at ${formatTime(time)}; its history has ${describeHistory(tag)}`,
    )
  }

  const previous = (tag: Tag, newest: TagEvent): TagEvent => {
    const event = lookBack.previousOfTag(tag.id, newest.imageId)
    if (event) return event
    throw new InvalidInputError(
      'to',
      `the tag never pointed to another image; its history has ${describeHistory(tag)}`,
    )
  }

  return (tag: Tag, newest: TagEvent, { digest, at }: RollBackTagInput): TagEvent => {
    if (digest != null) return ofDigest(tag, digest)
    return at == null ? previous(tag, newest) : atTime(tag, at)
  }
}

const formatTime = (milliseconds: number): string => new Date(milliseconds).toISOString()
