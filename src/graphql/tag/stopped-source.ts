import type { GraphQLResolveInfo } from 'graphql'
import type { StoppedSource } from '../../imagestream/commands/stopped-sources.ts'
import { builder } from '../kit/builder.ts'
import { type ConnectionArguments, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { listConnection } from '../kit/list-page.ts'
import { objectType } from '../kit/types.ts'

const StoppedSourceType = builder.objectRef<StoppedSource>('StoppedSource')
objectType(StoppedSourceType, {
  description: 'A source that an image stream stops following. The tags keep their images and histories.',
  properties: (t) => ({
    tag: t.stringOrNull('Tag that followed the source; null for the repository of the image stream.'),
    source: t.string(
      'The source: kind and name as in the spec, `DockerImage docker.io/library/ruby:3.3`, or the repository.',
    ),
    historyEntryCount: t.int(
      'Number of entries in the history of the tag, or in the histories of all tags for the repository. They remain.',
    ),
  }),
})

const StoppedSourceConnection = connectionType('StoppedSource', StoppedSourceType, {
  items: 'sources that are no longer followed',
})

// the repository, which has no tag, is the first
const keyOf = ({ tag }: StoppedSource) => [tag ?? '']
const cursors = keyCursors<StoppedSource>('stoppedSources', keyOf, ['string'])

interface Stopping {
  readonly stoppedSources: readonly StoppedSource[]
}

/** Returns the field of a payload that lists the sources that its mutation stops following. */
export const stoppedSourcesField = {
  type: StoppedSourceConnection,
  description:
    'Sources that the image stream no longer follows, or would no longer follow if nothing is stored: its repository, then by tag.',
  args: connectionArgs,
  complexity: pageComplexity,
  resolve: (
    { stoppedSources: items }: Stopping,
    args: ConnectionArguments,
    _context: GraphQLContext,
    info: GraphQLResolveInfo,
  ) => listConnection(args, info, { cursors, keyOf, items }),
}
