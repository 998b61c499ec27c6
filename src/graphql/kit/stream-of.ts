import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { loadReferred } from './batch.ts'
import type { GraphQLContext } from './context.ts'

/** Returns the image stream of an object, loaded for its batch; undefined once the stream is deleted. */
export const streamOf = (
  item: { readonly streamId: number | null },
  { streams }: Pick<GraphQLContext, 'streams'>,
): ImageStream | undefined => loadReferred(item, 'imageStream', 'streamId', (ids) => streams.byIds(ids))
