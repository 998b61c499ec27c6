import type { GraphQLResolveInfo } from 'graphql'
import type { Tag, TagEvent } from '../../imagestream/tag/tag.ts'
import { groupBy } from '../../input/group-by.ts'
import { imageOf } from '../image/image.ts'
import { builder } from '../kit/builder.ts'
import { Connection, type ConnectionArguments, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { gather, loadTogether } from '../kit/peers.ts'
import { ImageType, TagEventConditionType, TagEventType } from '../kit/types.ts'

export const ConditionStatusEnum = builder.enumType('ConditionStatus', {
  description: 'Whether a condition holds.',
  values: {
    True: { description: 'The condition holds.' },
    False: { description: 'The condition does not hold.' },
    Unknown: { description: 'It is not known whether the condition holds.' },
  } as const,
})

export const TagEventConnection = connectionType('TagEvent', TagEventType, { items: 'tag events' })
const eventCursors = keyCursors<TagEvent>('items', ({ id }) => [id])

TagEventType.implement({
  description: 'One entry of a tag’s history: from then on it meant this image, until the next entry.',
  fields: (t) => ({
    created: t.field({
      type: 'DateTime',
      description: 'Since when the tag meant this image, as this server saw it.',
      resolve: ({ createdAt }) => createdAt,
    }),
    dockerImageReference: t.exposeString('dockerImageReference', {
      description: 'Pull spec of the image, by digest.',
    }),
    image: t.field({
      type: ImageType,
      description: 'The image that the tag meant.',
      resolve: (event, _args, context) => imageOf(event, context),
    }),
    generation: t.exposeInt('generation', {
      description:
        'Generation of the spec that this entry answers; an entry of an older one is waiting for an import.',
    }),
  }),
})

TagEventConditionType.implement({
  description: 'Something that is so, or not so, about a tag.',
  fields: (t) => ({
    type: t.exposeString('type', { description: 'What it is about: `ImportSuccess`.' }),
    status: t.field({
      type: ConditionStatusEnum,
      description: 'Whether it holds.',
      resolve: ({ status }) => status,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Why, in one word: `NotFound`, `Unauthorized`, `Forbidden`, `ForbiddenTarget`, `Blocked`, `InvalidManifest`, `RegistryUnavailable`, `TooManyRequests`, `TooManyTags` or `InternalError`.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why, for a person: which registry, which repository, and what it answered.',
    }),
    lastTransitionTime: t.field({
      type: 'DateTime',
      description: 'Since when it is so.',
      resolve: ({ lastTransitionTime }) => lastTransitionTime,
    }),
    generation: t.exposeInt('generation', { description: 'Generation of the spec that it is about.' }),
  }),
})

/** A page of a tag's history, read for all tags that were read together with it. */
export function history(
  tag: Tag,
  args: ConnectionArguments,
  { tags }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<TagEvent> {
  const page = pageOf(args, eventCursors, info)
  const isFirst = !page.after && !page.before && !page.fromEnd
  const rows = (): readonly TagEvent[] =>
    loadTogether(tag, `items ${JSON.stringify(page)}`, (all) =>
      groupBy(
        gather(
          tags.events(
            all.map(({ id }) => id),
            page,
          ),
        ),
        ({ tagId }) => tagId,
      ),
    ).get(tag.id) ?? []
  return new Connection({
    page,
    cursors: eventCursors,
    rows,
    // the newest entry came with the tag: most people ask for no more
    ...(isFirst && page.limit === 1 && { nodes: () => newestEvents(tag) }),
    totalCount: () =>
      loadTogether(tag, 'item count', (all) => tags.countEvents(all.map(({ id }) => id))).get(tag.id) ?? 0,
  })
}

const newestEvents = (tag: Tag): readonly TagEvent[] =>
  loadTogether(tag, 'newest event', (tags) => {
    const events = tags.flatMap((one) => newestEventOf(one) ?? [])
    gather(events)
    return groupBy(events, ({ tagId }) => tagId)
  }).get(tag.id) ?? []

const newestEventOf = ({ id, newestEventId, newestAt, image, dockerImageReference, generation }: Tag) =>
  newestEventId === null || image === null || dockerImageReference === null || generation === null
    ? undefined
    : {
        id: newestEventId,
        tagId: id,
        createdAt: newestAt,
        imageId: image.id,
        dockerImageReference,
        generation,
      }
