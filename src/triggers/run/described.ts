import type { Tags } from '../../imagestream/tag/tag.ts'
import { type Digest, digestOf } from '../../oci/digest.ts'
import type { MovedTag } from '../content/moved-tag.ts'
import type { Trigger } from '../definition/trigger.ts'
import type { StoredTarget } from '../state/target.ts'
import type { DescribeMove } from './moves.ts'

/** What a delivery is about. */
export interface Described {
  /** The move that caused it, which guards judge. */
  readonly cause: MovedTag
  /** What the action says: the cause or, where a base image moved, the tag whose image is based on it. */
  readonly move: MovedTag
  /** What the id of the delivery depends on besides its cause. */
  readonly identity: Digest
}

/** The description of deliveries. */
export type DescribeDelivery = ReturnType<typeof createDescribeDelivery>

/** Creates the description of deliveries. */
export function createDescribeDelivery(describe: DescribeMove, tags: Pick<Tags, 'byIds'>) {
  /** Returns what a delivery is about; undefined once the cause was pruned, or the tag removed. */
  return (
    { source }: Pick<Trigger, 'source'>,
    { tagId }: Pick<StoredTarget, 'tagId'>,
    eventId: number,
  ): Described | undefined => {
    const cause = describe(eventId)
    const tag = tags.byIds([tagId]).get(tagId)
    if (!cause || !tag || tag.removedAt !== null) return undefined
    if (source !== 'BASE_IMAGE') return { cause, move: cause, identity: cause.digest }
    const newest = tag.newestEventId
    const derived = newest === null ? undefined : describe(newest)
    if (!derived) return undefined
    const { platforms: _, movedAt, ...baseImage } = cause
    // a delivery by hand before the first move of a base has none
    const isOwn = newest === eventId
    const move = isOwn ? derived : { ...derived, movedAt, baseImage }
    // one move causes a delivery for each tag that is based on it, and several tags can have one image
    const { imageStream, tag: name } = derived
    return { cause, move, identity: digestOf(`${cause.digest} ${imageStream}:${name}`) }
  }
}
