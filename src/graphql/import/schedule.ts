import type { Schedule } from '../../imagestream/schedule/schedule.ts'
import type { SpecTag } from '../../imagestream/spec/spec.ts'
import { loadForBatch, loadRows } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { ImageStreamType, TagReferenceType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'

const ImportScheduleType = objectType<Schedule>('ImportSchedule', {
  description: 'Schedule of a periodic import, with the results of the last imports.',
  properties: (t) => ({
    dueAt: t.dateTime(
      'Time at which the next import is due: one interval (`--schedule-minutes`) after the end of the last one, 2 and then 4 intervals after repeated failures, and `slowedBy` intervals while receivers report the changes. The import may start later if many streams are due.',
    ),
    slowedBy: t.int(
      'Number of intervals between two imports: 1, or 2, 4 and then 8 while receivers report each change before the next import is due. A change that no receiver reported, or a receiver that stops sending, resets the number to 1.',
    ),
    succeededAt: t.dateTimeOrNull(
      'Time at which an import, periodic or not, last succeeded without a failure; null if there was none.',
    ),
    failedAt: t.dateTimeOrNull('Time at which an import last failed; null if there was none.'),
    reason: t.oneOrNull(FailureReasonEnum, 'Why the last import failed; null if it did not fail.'),
    message: t.stringOrNull('Explanation for people why the last import failed; null if it did not fail.'),
  }),
  fields: (t) => ({
    tag: t.string({
      nullable: true,
      description: 'Name of the spec tag that is imported; null for the tags of `dockerImageRepository`.',
      resolve: ({ tag }) => tag || null,
    }),
  }),
})

builder.objectField(ImageStreamType, 'schedules', (t) =>
  t.field({
    type: [ImportScheduleType],
    description:
      'Schedules of the periodic imports of the image stream (`importPolicy.scheduled`): first of the repository, then of spec tags by name.',
    resolve: (stream, _args, { schedules }) =>
      loadRows(stream, 'schedules', 'streamId', (ids) => schedules.ofStreams(ids)),
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
