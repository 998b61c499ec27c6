import type { Viewer } from '../../access/right/viewer.ts'
import type { Streams } from '../../imagestream/stream/stream.ts'
import type { Tag, Tags } from '../../imagestream/tag/tag.ts'
import { invalid, NotFoundError } from '../../input/errors.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Trigger } from '../definition/trigger.ts'

/** A tag for which a trigger is to act. */
export interface TagOfTrigger {
  readonly id: number
  /** Names a stream of the trigger's namespace. */
  readonly imageStream: string
  readonly tag: TagName
}

/** A tag that has an image. */
type TagWithImage = Tag & { readonly image: NonNullable<Tag['image']>; readonly newestEventId: number }

interface TagDependencies {
  readonly streams: Pick<Streams, 'byName'>
  readonly tags: Pick<Tags, 'named'>
}

/** Creates the search for a tag of a trigger's source, which must have an image. Throws NotFoundError, InvalidInputError. */
export const createTagOfTrigger =
  ({ streams, tags }: TagDependencies) =>
  (viewer: Viewer, trigger: Trigger, { imageStream: name, tag }: TagOfTrigger): TagWithImage => {
    if (!matchesGlob(trigger.streams, name)) {
      throw invalid('imageStream', `must match the source of the trigger, ${trigger.streams}`)
    }
    if (!matchesGlob(trigger.tags, tag)) {
      throw invalid('tag', `must match the source of the trigger, ${trigger.streams}:${trigger.tags}`)
    }
    const stream = streams.byName(viewer, trigger.namespace, name)
    const [found] = stream ? tags.named([stream.id], tag) : []
    if (!found?.image || found.newestEventId === null) {
      throw new NotFoundError(`${trigger.namespace}/${name}:${tag} has no image`)
    }
    return { ...found, image: found.image, newestEventId: found.newestEventId }
  }
