import type { GraphQLResolveInfo } from 'graphql'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { PastTag, PastTagFilter } from '../../imagestream/tag/look-back.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { checkGlob } from '../kit/checks.ts'
import { type Connection, type ConnectionArguments, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import {
  type AnyImage,
  ImageStreamTagType,
  ImageStreamType,
  ImageType,
  TagEventType,
} from '../kit/object-types.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { batchTags } from '../tag/image-stream-tag.ts'
import { TagEventConnection } from '../tag/tag-event.ts'

/** The tag whose history has the entry, read for all that were read together with it. */
function tagOf(event: TagEvent, { tags }: GraphQLContext): Tag {
  const found = loadForBatch(event, 'tag', (events) => {
    const rows = tags.byIds([...new Set(events.map(({ tagId }) => tagId))])
    batchTags([...rows.values()])
    return rows
  }).get(event.tagId)
  if (!found) throw new Error(`the tag of tag event ${event.id} is gone`)
  return found
}

const eventAt = (tag: Tag, time: number, { lookBack }: GraphQLContext): TagEvent | undefined =>
  loadForBatch(tag, `at ${time}`, (tags) => {
    const events = lookBack.eventsAt(
      tags.map(({ id }) => id),
      time,
    )
    batch([...events.values()])
    return events
  }).get(tag.id)

const PastTagType = builder.objectRef<PastTag>('PastTag')
PastTagType.implement({
  description: 'What a tag meant at some time.',
  fields: (t) => ({
    tag: t.exposeString('name', { description: 'The tag: `latest`.' }),
    event: t.field({
      type: TagEventType,
      description: 'The entry of its history that was the newest then.',
      resolve: ({ event }) => event,
    }),
  }),
})

const PastTagConnection = connectionType('PastTag', PastTagType, { items: 'tags of a time' })
const pastTagCursors = keyCursors<PastTag>('tagsAt', ({ name }) => [name], ['string'])

type PastTagsArguments = ConnectionArguments & { time: number; matching?: string | null | undefined }

/** Returns a page of a stream's tags at a time, read once for the stream's batch. Throws InvalidInputError. */
function pastTags(
  stream: ImageStream,
  { time, matching, ...args }: PastTagsArguments,
  { lookBack }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<PastTag> {
  const filter: PastTagFilter = { time, matching: checkGlob(matching, 'matching') }
  return ownedConnection(stream, args, info, {
    name: `tagsAt ${JSON.stringify(filter)}`,
    cursors: pastTagCursors,
    rows: (ids, page) => {
      const rows = lookBack.tagsAt(ids, filter, page)
      batch(rows.map(({ event }) => event))
      return rows
    },
    ownerIdOf: ({ streamId }) => streamId,
    counts: (ids) => lookBack.countTagsAt(ids, filter),
  })
}

const historyCursors = keyCursors<TagEvent>('image history', ({ id }) => [id])

/** Returns a page of the tag events of an image, read once for the image's batch. Throws InvalidInputError. */
const imageHistory = (
  image: AnyImage,
  args: ConnectionArguments,
  { lookBack }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<TagEvent> =>
  ownedConnection(image, args, info, {
    name: 'history',
    cursors: historyCursors,
    rows: (ids, page) => batch(lookBack.eventsOfImages(ids, page)),
    ownerIdOf: ({ imageId }) => imageId,
    counts: (ids) => lookBack.countEventsOfImages(ids),
  })

builder.objectField(TagEventType, 'imageStreamTag', (t) =>
  t.field({
    type: ImageStreamTagType,
    description: 'The tag whose history has this entry.',
    resolve: (event, _args, context) => tagOf(event, context),
  }),
)

builder.objectField(ImageStreamTagType, 'at', (t) =>
  t.field({
    type: TagEventType,
    nullable: true,
    description:
      'What it meant at that time: the entry of its history that was the newest then; null while it meant nothing yet. Entries that were pruned are not remembered.',
    args: { time: t.arg({ type: 'DateTime', required: true, description: 'The time to look back to.' }) },
    resolve: (tag, { time }, context) => eventAt(tag, time, context),
  }),
)

builder.objectField(ImageStreamType, 'tagsAt', (t) =>
  t.field({
    type: PastTagConnection,
    description:
      'What its tags meant at that time, by name: those that meant something then and are still there.',
    args: {
      time: t.arg({ type: 'DateTime', required: true, description: 'The time to look back to.' }),
      matching: t.arg.string({
        description: 'Only tags whose name matches; `*` stands for any characters.',
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
      'Every entry of a history that has this image, of any tag in any stream, newest first; `tags` has those that mean it now.',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: imageHistory,
  }),
)
