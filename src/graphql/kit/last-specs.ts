import { plannedStream } from '../../imagestream/commands/write-target.ts'
import type { ImageStream, SpecTag } from '../../imagestream/spec/spec.ts'
import { readSpec } from '../../imagestream/spec/stored-spec.ts'
import { batch, prime } from './batch.ts'

/** Returns the streams, the deleted ones with the specs that they had. Those are one batch, and the others another. */
export function withLastSpecs(streams: readonly ImageStream[]): readonly ImageStream[] {
  const specTags = new Map<number, readonly SpecTag[]>()
  const shown = streams.map((stream) => {
    if (stream.deletedSpec === null) return stream
    const planned = plannedStream({ ...stream, stream }, readSpec(stream.deletedSpec))
    specTags.set(stream.id, planned.specTags)
    return planned.stream
  })
  batch(shown.filter(({ id }) => !specTags.has(id)))
  prime(batch(shown.filter(({ id }) => specTags.has(id))), 'specTags', specTags)
  return shown
}
