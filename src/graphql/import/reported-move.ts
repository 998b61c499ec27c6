import type { StoredMove } from '../../imagestream/watch/reported-moves.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageStreamTagType, ReportedMoveType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'

objectType(ReportedMoveType, {
  description:
    'An earlier image of a tag that the registry’s vendor reports and this server did not observe. A reported move is not in the tag’s `items` or in the push log, and this server may have no record of the image.',
  properties: (t) => ({
    digest: t.digest('Digest of the image or index that the tag pointed to, as reported.'),
  }),
  fields: (t) => ({
    from: t.expose('fromAt', {
      type: 'DateTime',
      description: 'Time from which the tag pointed to the image, by the vendor’s clock.',
    }),
    until: t.expose('untilAt', {
      type: 'DateTime',
      description: 'Time until which the tag pointed to the image, by the vendor’s clock.',
    }),
    reportedBy: t.exposeString('vendor', { description: 'Name of the vendor, for example `Quay`.' }),
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
      'Moves of the tag between two imports, as reported by the registry’s vendor, newest first; the last 100 are kept. Always empty for vendors that do not report moves; Quay does.',
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
