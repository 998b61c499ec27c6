import type { Schedule } from '../../imagestream/schedule/schedule.ts'
import type { SpecTag } from '../../imagestream/spec/spec.ts'
import { isTagName } from '../../oci/tag.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { NodeInterface, namedNodeId, registerNamedNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageStreamType, TagReferenceType } from '../kit/references.ts'
import { PART_OF_STREAM } from '../kit/stream-of.ts'
import { objectType } from '../kit/types.ts'

registerNamedNode('ImportSchedule', {
  load: (streamId, tag, { schedules }) =>
    tag === '' || isTagName(tag) ? schedules.ofStreams([streamId]).find((one) => one.tag === tag) : undefined,
  access: PART_OF_STREAM,
})

const ImportScheduleType = builder.objectRef<Schedule>('ImportSchedule')
objectType(ImportScheduleType, {
  description: 'Schedule of a periodic import, with the results of the last imports.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    dueAt: t.dateTime(
      'Time at which the next import is due: one interval (`--schedule-minutes`) after the end of the last one, 2 and then 4 intervals after repeated failures, and `intervalCount` intervals while receivers report the changes. The import may start later if many streams are due.',
    ),
    succeededAt: t.dateTimeOrNull(
      'Time at which an import, periodic or not, last succeeded without a failure; null if there was none.',
    ),
    failedAt: t.dateTimeOrNull('Time at which an import last failed; null if there was none.'),
    reason: t.oneOrNull(FailureReasonEnum, 'Why the last import failed; null if it did not fail.'),
    message: t.stringOrNull('Explanation for people why the last import failed; null if it did not fail.'),
  }),
  fields: (t) => ({
    intervalCount: t.exposeInt('slowedBy', {
      description:
        'Number of intervals between two imports: 1, or 2, 4 and then 8 while receivers report each change before the next import is due. A change that no receiver reported, or a receiver that stops sending, resets the number to 1.',
    }),
    id: t.id({
      description:
        'Global identifier of the schedule; the same as long as its source is imported periodically.',
      resolve: ({ streamId, tag }) => namedNodeId('ImportSchedule', streamId, tag),
    }),
    tag: t.string({
      nullable: true,
      description: 'Name of the spec tag that is imported; null for the tags of `dockerImageRepository`.',
      resolve: ({ tag }) => tag || null,
    }),
  }),
})

const ImportScheduleConnection = connectionType('ImportSchedule', ImportScheduleType, { items: 'schedules' })
const scheduleCursors = keyCursors<Schedule>('schedules', ({ tag }) => [tag], ['string'])

builder.objectField(ImageStreamType, 'schedules', (t) =>
  t.field({
    type: ImportScheduleConnection,
    description:
      'Schedules of the periodic imports of the image stream (`importPolicy.scheduled`): first of the repository, then of spec tags by name.',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (stream, args, { schedules }, info) =>
      ownedConnection(stream, args, info, {
        name: 'schedules',
        cursors: scheduleCursors,
        rows: (ids, page) => batch(schedules.pages(ids, page)),
        ownerIdOf: ({ streamId }) => streamId,
        counts: (ids) => schedules.countOfStreams(ids),
      }),
  }),
)

builder.objectField(TagReferenceType, 'schedule', (t) =>
  t.field({
    type: ImportScheduleType,
    nullable: true,
    description:
      'Schedule of the tag’s periodic import. Null if the tag is not scheduled or has no import: `from` is not a `DOCKER_IMAGE`, or `reference` is true.',
    resolve: scheduleOf,
  }),
)

function scheduleOf(tag: SpecTag, _args: object, { schedules }: GraphQLContext): Schedule | undefined {
  return loadForBatch(tag, 'schedule', (tags) => {
    const found = schedules.ofStreams([...new Set(tags.map(({ streamId }) => streamId))])
    return new Map(found.map((one) => [`${one.streamId}/${one.tag}`, one]))
  }).get(`${tag.streamId}/${tag.name}`)
}
