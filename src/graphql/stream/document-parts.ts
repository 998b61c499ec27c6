import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { GraphQLContext } from '../kit/context.ts'

/**
 * Returns the document of streams, whose parts `write` yields. Other work runs between two parts, and the operation ends at its
 * limits. The document is written again where a stream has changed meanwhile.
 */
export async function wholeDocument(
  streams: readonly ImageStream[],
  context: Pick<GraphQLContext, 'viewer' | 'streams' | 'work'>,
  write: (streams: readonly ImageStream[]) => Iterable<string>,
): Promise<string> {
  const { viewer, work } = context
  const parts: string[] = []
  for (const part of write(streams)) {
    work.spend(part.length)
    parts.push(part)
    await work.nextTurn()
  }
  const present = context.streams.byIds(
    viewer,
    streams.map(({ id }) => id),
  )
  const newest = streams.map((stream) => present.get(stream.id) ?? stream)
  const isSame = newest.every(({ resourceVersion }, at) => resourceVersion === streams[at]?.resourceVersion)
  if (isSame) return parts.join('')
  await work.nextTurn()
  return wholeDocument(newest, context, write)
}
