import type { StoppedSource } from '../../imagestream/commands/stopped-sources.ts'
import { objectType } from '../kit/types.ts'

export const StoppedSourceType = objectType<StoppedSource>('StoppedSource', {
  description: 'A source that an image stream stops following. The tags keep their images and histories.',
  properties: (t) => ({
    tag: t.stringOrNull('Tag that followed the source; null for the repository of the image stream.'),
    source: t.string(
      'The source: kind and name as in the spec, `DockerImage docker.io/library/ruby:3.3`, or the repository.',
    ),
    historyEntries: t.int(
      'Number of entries in the history of the tag, or in the histories of all tags for the repository. They remain.',
    ),
  }),
})
