import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { GraphQLContext } from './context.ts'
import { loadTogether } from './peers.ts'

/** The stream that something belongs to, read for all that were read together with it; undefined once it is deleted. */
export const streamOf = (
  item: { readonly streamId: number | null },
  { streams }: Pick<GraphQLContext, 'streams'>,
): ImageStream | undefined =>
  item.streamId === null
    ? undefined
    : loadTogether(item, 'imageStream', (all) =>
        streams.byIds([...new Set(all.flatMap(({ streamId }) => streamId ?? []))]),
      ).get(item.streamId)
