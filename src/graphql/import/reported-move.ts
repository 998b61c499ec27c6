import type { StoredMove } from '../../imagestream/watch/reported-moves.ts'
import { groupBy } from '../../input/group-by.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { gather, loadTogether } from '../kit/peers.ts'
import { ImageStreamTagType, ReportedMoveType } from '../kit/types.ts'

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
    resolve: (tag, args, { reportedMoves }, info) => {
      const page = pageOf(args, moveCursors, info)
      return new Connection({
        page,
        cursors: moveCursors,
        rows: () =>
          loadTogether(tag, `reported moves ${JSON.stringify(page)}`, (tags) =>
            groupBy(
              gather(
                reportedMoves.ofTags(
                  tags.map(({ id }) => id),
                  page,
                ),
              ),
              ({ tagId }) => tagId,
            ),
          ).get(tag.id) ?? [],
        totalCount: () =>
          loadTogether(tag, 'reported move count', (tags) =>
            reportedMoves.countOfTags(tags.map(({ id }) => id)),
          ).get(tag.id) ?? 0,
      })
    },
  }),
)
