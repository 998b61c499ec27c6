import type { StoredMove } from '../../imagestream/watch/reported-moves.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageStreamTagType, ReportedMoveType } from '../kit/references.ts'
import { PART_OF_TAG } from '../kit/stream-of.ts'
import { objectType } from '../kit/types.ts'

registerRowNode('ReportedMove', {
  load: (id, { reportedMoves }) => reportedMoves.byId(id),
  access: PART_OF_TAG,
})

objectType(ReportedMoveType, {
  description:
    'An earlier image of a tag that this server did not observe: the registry’s vendor reports it, or an `ImageStream` document that was applied with `importHistory`. A reported move is not in the tag’s `items` or in the change log, and this server may have no record of the image.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    digest: t.digest('Digest of the image or index that the tag pointed to, as reported.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the reported move.',
      resolve: ({ id }) => nodeId('ReportedMove', id),
    }),
    validFrom: t.expose('fromAt', {
      type: 'DateTime',
      description: 'Time from which the tag pointed to the image, by the clock of the vendor or cluster.',
    }),
    validUntil: t.expose('untilAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'Time until which the tag pointed to the image, by the clock of the vendor or cluster. For the newest entry of a document: the time of the tag’s next image, and null while there is none.',
    }),
    reportedBy: t.exposeString('vendor', {
      description:
        'Name of the vendor, for example `Quay`; `ImageStream document` for an entry of a document.',
    }),
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
      'Images of the tag that this server did not observe, newest first. The registry’s vendor reports moves between two imports (Quay does; the last 100 are kept), and documents that are applied with `importHistory` report the history in a cluster (the last 1,000 are kept).',
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
