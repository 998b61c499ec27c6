import type { GraphQLResolveInfo } from 'graphql'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { PastTag } from '../../imagestream/tag/image-histories.ts'
import type { PastTagFilter } from '../../imagestream/tag/look-back.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import { checkGlob } from '../../input/glob.ts'
import { batch, batchValues, loadById, loadReferred } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { after, type Connection, type ConnectionArguments, keyCursors } from '../kit/connection.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import {
  type AnyImage,
  ImageStreamTagType,
  ImageStreamType,
  ImageType,
  TagEventType,
} from '../kit/references.ts'
import { TagEventConnection } from '../tag/tag-event.ts'
import { batchTags } from '../tag/tags-of-stream.ts'

/** Returns the tag whose history contains the entry, loaded for the entry's batch. */
function tagOf(event: TagEvent, { tags }: GraphQLContext): Tag {
  const found = loadReferred(event, 'tag', 'tagId', (ids) => {
    const rows = tags.byIds(ids)
    batchTags([...rows.values()])
    return rows
  })
  if (!found) throw new Error(`the tag of tag event ${event.id} does not exist`)
  return found
}

const eventAt = (tag: Tag, time: number, { lookBack }: GraphQLContext): TagEvent | undefined =>
  loadById(tag, `at ${time}`, (ids) => batchValues(lookBack.eventsAt(ids, time)))

/** The entry of a tag's history for a time in the past, with the name of the tag. */
type PastEvent = TagEvent & Pick<PastTag, 'streamId' | 'name'>
const pastTagCursors = keyCursors<PastEvent>('tagsAt', ({ name }) => [name], ['string'])

type PastTagsArguments = ConnectionArguments & { time: number; matching?: string | null | undefined }

/** Returns a page of a stream's tags at a time, read once for the stream's batch. Throws InvalidInputError. */
function pastTags(
  stream: ImageStream,
  { time, matching, ...args }: PastTagsArguments,
  { lookBack }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<PastEvent> {
  const filter: PastTagFilter = { time, matching: checkGlob(matching, 'matching') }
  return ownedConnection(stream, args, info, {
    name: `tagsAt ${JSON.stringify(filter)}`,
    cursors: pastTagCursors,
    rows: (ids, page) =>
      after(lookBack.pageAt(ids, filter, page), (rows) =>
        batch(rows.map(({ event, streamId, name }) => ({ ...event, streamId, name }))),
      ),
    ownerIdOf: ({ streamId }) => streamId,
    counts: (ids) => lookBack.totalAt(ids, filter),
  })
}

const historyCursors = keyCursors<TagEvent>('image history', ({ id }) => [id])

/** Returns a page of the tag events of an image, read once for the image's batch. Throws InvalidInputError. */
const imageHistory = (
  image: AnyImage,
  args: ConnectionArguments,
  { viewer, lookBack }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<TagEvent> =>
  ownedConnection(image, args, info, {
    name: 'history',
    cursors: historyCursors,
    rows: (ids, page) => batch(lookBack.eventsOfImages(viewer, ids, page)),
    ownerIdOf: ({ imageId }) => imageId,
    counts: (ids) => lookBack.countEventsOfImages(viewer, ids),
  })

builder.objectField(TagEventType, 'imageStreamTag', (t) =>
  t.field({
    type: ImageStreamTagType,
    description: 'Tag whose history contains the entry.',
    resolve: (event, _args, context) => tagOf(event, context),
  }),
)

builder.objectField(ImageStreamTagType, 'at', (t) =>
  t.field({
    type: TagEventType,
    nullable: true,
    description:
      'Entry of the tag’s history that was the newest at a time: the image that the tag pointed to. Null if the tag had no image yet, or was removed at that time. Pruned entries are not available.',
    args: {
      time: t.arg({ type: 'DateTime', required: true, description: 'Time at which to look up the tag.' }),
    },
    resolve: (tag, { time }, context) => eventAt(tag, time, context),
  }),
)

builder.objectField(ImageStreamType, 'tagsAt', (t) =>
  t.field({
    type: TagEventConnection,
    description:
      'Images of the image stream’s tags at an earlier time: of each tag the entry of its history that was the newest at that time, by name of the tag (`imageStreamTag`). Tags that were removed since are included, and tags without an image at that time are not. Pruned entries are not available.',
    args: {
      time: t.arg({ type: 'DateTime', required: true, description: 'Time at which to look up the tags.' }),
      matching: t.arg.string({
        description: 'Returns only tags whose name matches this pattern; `*` matches any characters.',
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: pastTags,
  }),
)

builder.objectField(ImageType, 'history', (t) =>
  t.field({
    type: TagEventConnection,
    description:
      'Entries of the histories of all tags that contain the image, newest first. `tags` contains the tags that point to the image now.',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: imageHistory,
  }),
)
