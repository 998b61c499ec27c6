import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { loadReferred } from './batch.ts'
import type { GraphQLContext } from './context.ts'
import type { NodeAccess } from './node.ts'

/** Returns the image stream of an object, loaded for its batch; undefined once the stream is deleted. */
export const streamOf = (
  item: { readonly streamId: number | null },
  { viewer, streams }: Pick<GraphQLContext, 'viewer' | 'streams'>,
): ImageStream | undefined =>
  loadReferred(item, 'imageStream', 'streamId', (ids) => streams.byIds(viewer, ids))

/** Access to a part of a stream, which may be deleted. */
export const PART_OF_STREAM = {
  streamOf: ({ streamId }, { viewer, streams }) =>
    streamId === null ? undefined : streams.evenDeleted(viewer, [streamId]).get(streamId),
} satisfies NodeAccess<{ readonly streamId: number | null }>

/** Access to a part of a tag, which may be removed. */
export const PART_OF_TAG = {
  streamOf: ({ tagId }, context) => {
    const tag = context.tags.byIds([tagId]).get(tagId)
    return tag && PART_OF_STREAM.streamOf(tag, context)
  },
} satisfies NodeAccess<{ readonly tagId: number }>
