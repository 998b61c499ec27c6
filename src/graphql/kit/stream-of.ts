import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { loadReferred } from './batch.ts'
import type { GraphQLContext } from './context.ts'

/** Returns the image stream of an object, loaded for its batch; undefined once the stream is deleted. */
export const streamOf = (
  item: { readonly streamId: number | null },
  { viewer, streams }: Pick<GraphQLContext, 'viewer' | 'streams'>,
): ImageStream | undefined =>
  loadReferred(item, 'imageStream', 'streamId', (ids) => streams.byIds(viewer, ids))
