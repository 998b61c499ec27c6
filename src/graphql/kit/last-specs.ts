import { plannedStream } from '../../imagestream/commands/write-target.ts'
import type { ImageStream, SpecTag } from '../../imagestream/spec/spec.ts'
import { readSpec } from '../../imagestream/spec/stored-spec.ts'
import { batch, loadForBatch, prime } from './batch.ts'
import type { GraphQLContext } from './context.ts'

/** Returns the streams, the deleted ones with the specs that they had. Those are one batch, and the others another. */
export function withLastSpecs(streams: readonly ImageStream[]): readonly ImageStream[] {
  const specTags = new Map<number, readonly SpecTag[]>()
  const shown = streams.map((stream) => {
    if (stream.deletedSpec === null) return stream
    const planned = plannedStream({ ...stream, stream }, readSpec(stream.deletedSpec))
    specTags.set(stream.id, batch(planned.specTags.toSorted((a, b) => (a.name < b.name ? -1 : 1))))
    return planned.stream
  })
  batch(shown.filter(({ id }) => !specTags.has(id)))
  prime(batch(shown.filter(({ id }) => specTags.has(id))), LAST_SPEC_TAGS, specTags)
  return shown
}

/** Returns the stream with this id, also a deleted one with its last spec; undefined for an unknown id and a pruned stream. */
export const anyStream = (
  id: number,
  { viewer, streams }: Pick<GraphQLContext, 'viewer' | 'streams'>,
): ImageStream | undefined => withLastSpecs([...streams.evenDeleted(viewer, [id]).values()])[0]

const LAST_SPEC_TAGS = 'last spec tags'

/** Returns the spec tags that a deleted stream had, by name; undefined for a stream that exists. */
export const lastSpecTagsOf = (stream: ImageStream): readonly SpecTag[] | undefined =>
  loadForBatch<ImageStream, ReadonlyMap<number, readonly SpecTag[]> | undefined>(
    stream,
    LAST_SPEC_TAGS,
    () => undefined,
  )?.get(stream.id)
