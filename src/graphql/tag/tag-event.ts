import type { GraphQLResolveInfo } from 'graphql'
import type { Tag } from '../../imagestream/tag/tag.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import { groupBy } from '../../input/maps.ts'
import { imageOf } from '../image/image-content.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { type Connection, type ConnectionArguments, keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageType, TagEventType } from '../kit/references.ts'
import { PART_OF_TAG } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'

export const RemovalReasonEnum = enumType('TagRemovalReason', {
  description: 'Why a tag was removed.',
  values: {
    UNTAGGED: '`untagImage` removed the tag.',
    STREAM_DELETED: '`deleteImageStream` removed the tag with its image stream.',
    DELETED_IN_REGISTRY: 'A client deleted the tag, or the manifest that it pointed to, in the registry.',
  },
})

registerRowNode('TagEvent', {
  load: (id, { tags }) => tags.event(id),
  access: PART_OF_TAG,
})

export const TagEventConnection = connectionType('TagEvent', TagEventType, { items: 'tag events' })
const eventCursors = keyCursors<TagEvent>('items', ({ id }) => [id])

objectType(TagEventType, {
  description:
    'An entry of a tag’s history. The tag pointed to the image from `created` until the next entry, or until it was removed.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    dockerImageReference: t.string('Pull spec of the image by digest.'),
    generation: t.int(
      'Generation of the spec for which the entry was recorded. If the spec tag’s generation is higher, its import has not finished.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the entry.',
      resolve: ({ id }) => nodeId('TagEvent', id),
    }),
    created: t.expose('createdAt', {
      type: 'DateTime',
      description: 'Time at which this server recorded that the tag points to the image.',
    }),
    removedAt: t.expose('removedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which the tag was removed while it pointed to this image. Null where the next entry replaced this one, and for the image that the tag points to now.',
    }),
    removalReason: t.expose('removedReason', {
      type: RemovalReasonEnum,
      nullable: true,
      description: 'Why the tag was removed; null if it was not removed while it pointed to this image.',
    }),
    image: t.field({
      type: ImageType,
      description: 'The image that the tag pointed to.',
      resolve: (event, _args, context) => imageOf(event, context),
    }),
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
    ...(tag.newestEventId !== null && { newest: () => newestEvents(tag) }),
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
        removedAt: null,
        removedReason: null,
      }
