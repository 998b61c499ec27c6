import type { GraphQLResolveInfo } from 'graphql'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { keyOf, type Tag, type TagOrder } from '../../imagestream/tag/tag.ts'
import { checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import { batch, loadForBatch, prime } from '../kit/batch.ts'
import { after, type Connection, type ConnectionArguments, keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageStreamTagType } from '../kit/references.ts'
import { type SearchArguments, searchFilter } from '../kit/search-filter.ts'
import { enumType } from '../kit/types.ts'

export const ImageStreamTagOrderEnum = enumType('ImageStreamTagOrder', {
  description: 'Sort order of tags.',
  values: {
    NAME: 'By name, in byte order.',
    NEWEST_FIRST: 'By the time at which the tag last got another image, the newest first.',
    SEMVER_DESC:
      'By semantic version, the highest first, in the order in which a policy with order `SEMVER` chooses: of equal versions `1.2.0` before `1.2` before `v1.2`. Tags that are not versions follow, by name.',
  },
})

export const ImageStreamTagConnection = connectionType('ImageStreamTag', ImageStreamTagType, {
  items: 'tags',
})

const tagCursors = (order: TagOrder) =>
  keyCursors<Tag>(
    `tags ${order}`,
    (tag) => keyOf(tag, order),
    order === 'NEWEST_FIRST' ? ['number', 'number'] : ['string'],
  )

/** Returns a tag by name, even one that only the spec has, loaded for the stream's batch. Throws InvalidInputError. */
export function tagOfStream(
  stream: ImageStream,
  name: string,
  { tags, streams }: GraphQLContext,
): Tag | undefined {
  const checked = checkTagName(name, 'name')
  return loadForBatch(stream, `tag ${checked}`, (all) => {
    const ids = all.map(({ id }) => id)
    const wanted = streams.namedSpecTags(ids.map((streamId) => ({ streamId, name: checked })))
    const found = new Map(wanted.map(({ streamId }) => [streamId, tagWithoutStatus(streamId, checked)]))
    for (const tag of tags.named(ids, checked)) found.set(tag.streamId, tag)
    batchTags([...found.values()])
    prime([...found.values()], 'imageStream', new Map(all.map((one) => [one.id, one])))
    return found
  }).get(stream.id)
}

const tagWithoutStatus = (streamId: number, name: TagName): Tag => ({
  id: 0,
  streamId,
  name,
  newestEventId: null,
  newestAt: 0,
  removedAt: null,
  dockerImageReference: null,
  generation: null,
  image: null,
})

type TagsArguments = ConnectionArguments &
  SearchArguments & { orderBy?: TagOrder | null | undefined; artifacts?: boolean }

/** Marks tags as one batch, and their images as another. */
export function batchTags(tags: readonly Tag[]): readonly Tag[] {
  batch(tags.flatMap(({ image }) => image ?? []))
  return batch(tags)
}

/** Returns a page of a stream's tags, read once for the stream's batch. Throws InvalidInputError. */
export function tagsOfStream(
  stream: ImageStream,
  { orderBy, artifacts, ...args }: TagsArguments,
  { tags }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<Tag> {
  const order = orderBy ?? 'IMPORTANCE'
  const filter = { ...searchFilter(args), artifacts }
  return ownedConnection(stream, args, info, {
    name: `tags ${JSON.stringify([order, filter])}`,
    cursors: tagCursors(order),
    rows: (ids, page, streams) =>
      after(tags.pageOfStreams(ids, { ...filter, order, page }), (found) => {
        const rows = batchTags(found)
        prime(rows, 'imageStream', new Map(streams.map((one) => [one.id, one])))
        return rows
      }),
    ownerIdOf: ({ streamId }) => streamId,
    counts: (ids) => tags.totalOfStreams(ids, filter),
  })
}

const removedCursors = keyCursors<Tag>('removedTags', ({ removedAt, id }) => [removedAt ?? 0, id], [
  'number',
  'number',
])

/** Returns a removed tag of the stream; undefined if none of this name was removed. */
export function removedTagOfStream(
  { id }: ImageStream,
  name: string,
  { tags }: GraphQLContext,
): Tag | undefined {
  const checked = checkTagName(name, 'name')
  const tagId = tags.removed(id, checked)?.tagId ?? tags.removedWithoutImage(id, { name: checked })[0]?.id
  return tagId === undefined ? undefined : tags.byIds([tagId]).get(tagId)
}

/** Returns a page of a stream's removed tags, read once for the stream's batch. Throws InvalidInputError. */
export const removedTagsOfStream = (
  stream: ImageStream,
  args: ConnectionArguments,
  { tags }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<Tag> =>
  ownedConnection(stream, args, info, {
    name: 'removed tags',
    cursors: removedCursors,
    rows: (ids, page, streams) => {
      const rows = batchTags(tags.removedOfStreams(ids, page))
      prime(rows, 'imageStream', new Map(streams.map((one) => [one.id, one])))
      return rows
    },
    ownerIdOf: ({ streamId }) => streamId,
    counts: (ids) => tags.countRemovedOfStreams(ids),
  })
