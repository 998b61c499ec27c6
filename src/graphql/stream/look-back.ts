import type { GraphQLResolveInfo } from 'graphql'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { PastTag, PastTagFilter } from '../../imagestream/tag/look-back.ts'
import type { Tag, TagEvent } from '../../imagestream/tag/tag.ts'
import { groupBy } from '../../input/group-by.ts'
import { builder } from '../kit/builder.ts'
import { Connection, type ConnectionArguments, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkGlob } from '../kit/glob.ts'
import { gather, loadTogether } from '../kit/peers.ts'
import { type AnyImage, ImageStreamTagType, ImageStreamType, ImageType, TagEventType } from '../kit/types.ts'
import { gatherTags } from '../tag/image-stream-tag.ts'
import { TagEventConnection } from '../tag/tag-event.ts'

const idsOf = (owners: readonly { readonly id: number }[]): number[] => owners.map(({ id }) => id)

/** The tag whose history has the entry, read for all that were read together with it. */
function tagOf(event: TagEvent, { tags }: GraphQLContext): Tag {
  const found = loadTogether(event, 'tag', (events) => {
    const rows = tags.byIds([...new Set(events.map(({ tagId }) => tagId))])
    gatherTags([...rows.values()])
    return rows
  }).get(event.tagId)
  if (!found) throw new Error(`the tag of tag event ${event.id} is gone`)
  return found
}

const eventAt = (tag: Tag, time: number, { lookBack }: GraphQLContext): TagEvent | undefined =>
  loadTogether(tag, `at ${time}`, (tags) => {
    const events = lookBack.eventsAt(idsOf(tags), time)
    gather([...events.values()])
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

/** A page of what a stream's tags meant at a time, read for all streams of the stream's own page at once. */
function pastTags(
  stream: ImageStream,
  { time, matching, ...args }: ConnectionArguments & { time: number; matching?: string | null | undefined },
  { lookBack }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<PastTag> {
  const page = pageOf(args, pastTagCursors, info)
  const filter: PastTagFilter = { time, matching: checkGlob(matching, 'matching') }
  return new Connection({
    page,
    cursors: pastTagCursors,
    rows: () =>
      loadTogether(stream, `tagsAt ${JSON.stringify([filter, page])}`, (streams) => {
        const rows = lookBack.tagsAt(idsOf(streams), filter, page)
        gather(rows.map(({ event }) => event))
        return groupBy(rows, ({ streamId }) => streamId)
      }).get(stream.id) ?? [],
    totalCount: () =>
      loadTogether(stream, `tagsAt count ${JSON.stringify(filter)}`, (streams) =>
        lookBack.countTagsAt(idsOf(streams), filter),
      ).get(stream.id) ?? 0,
  })
}

const historyCursors = keyCursors<TagEvent>('image history', ({ id }) => [id])

/** A page of the entries of all histories that have the image, read for all that were read together with it. */
function imageHistory(
  image: AnyImage,
  args: ConnectionArguments,
  { lookBack }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<TagEvent> {
  const page = pageOf(args, historyCursors, info)
  return new Connection({
    page,
    cursors: historyCursors,
    rows: () =>
      loadTogether(image, `history ${JSON.stringify(page)}`, (images) =>
        groupBy(gather(lookBack.eventsOfImages(idsOf(images), page)), ({ imageId }) => imageId),
      ).get(image.id) ?? [],
    totalCount: () =>
      loadTogether(image, 'history count', (images) => lookBack.countEventsOfImages(idsOf(images))).get(
        image.id,
      ) ?? 0,
  })
}

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
