import type { GraphQLResolveInfo } from 'graphql'
import type { Tag } from '../../imagestream/tag/tag.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import { groupBy } from '../../input/group-by.ts'
import { imageOf } from '../image/image.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { type Connection, type ConnectionArguments, keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageType, TagEventConditionType, TagEventType } from '../kit/object-types.ts'
import { ownedConnection } from '../kit/owned-connection.ts'

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

/** Returns a page of a tag's history, read once for the tag's batch. Throws InvalidInputError. */
export const history = (
  tag: Tag,
  args: ConnectionArguments,
  { tags }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<TagEvent> =>
  ownedConnection(tag, args, info, {
    name: 'items',
    cursors: eventCursors,
    rows: (ids, page) => batch(tags.events(ids, page)),
    ownerIdOf: ({ tagId }) => tagId,
    counts: (ids) => tags.countEvents(ids),
    // the newest entry is read with the tag, and most operations select only that one
    newest: () => newestEvents(tag),
  })

const newestEvents = (tag: Tag): readonly TagEvent[] =>
  loadForBatch(tag, 'newest event', (tags) => {
    const events = tags.flatMap((one) => newestEventOf(one) ?? [])
    batch(events)
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
