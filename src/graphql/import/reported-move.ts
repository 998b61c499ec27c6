import type { StoredMove } from '../../imagestream/watch/reported-moves.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { ImageStreamTagType, ReportedMoveType } from '../kit/object-types.ts'
import { ownedConnection } from '../kit/owned-connection.ts'

ReportedMoveType.implement({
  description:
    'That a tag meant an image for a time, by the word of the registry’s vendor: it was reported and not observed. Such an image is none of the tag’s `items`, was no push, and need not be known here.',
  fields: (t) => ({
    digest: t.expose('digest', {
      type: 'Digest',
      description: 'Digest of the image, or of the index, that the tag is said to have meant.',
    }),
    from: t.expose('fromAt', {
      type: 'DateTime',
      description: 'Since when it is said to have meant it, by the vendor’s clock.',
    }),
    until: t.expose('untilAt', {
      type: 'DateTime',
      description: 'Until when, by the vendor’s clock.',
    }),
    reportedBy: t.exposeString('vendor', { description: 'Who says so: `Quay`.' }),
  }),
})

const ReportedMoveConnection = connectionType('ReportedMove', ReportedMoveType, { items: 'reported moves' })
const moveCursors = keyCursors<StoredMove>('reportedMoves', ({ fromAt, id }) => [fromAt, id], [
  'number',
  'number',
])

builder.objectField(ImageStreamTagType, 'reportedMoves', (t) =>
  t.field({
    type: ReportedMoveConnection,
    description:
      'What its registry’s vendor tells of moves that happened between two looks at the tag, so that nobody here saw them, newest first; the last 100 are kept. Only some vendors tell (Quay).',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (tag, args, { reportedMoves }, info) =>
      ownedConnection(tag, args, info, {
        name: 'reported moves',
        cursors: moveCursors,
        rows: (ids, page) => batch(reportedMoves.ofTags(ids, page)),
        ownerIdOf: ({ tagId }) => tagId,
        counts: (ids) => reportedMoves.countOfTags(ids),
      }),
  }),
)
