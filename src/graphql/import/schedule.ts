import type { Schedule } from '../../imagestream/schedule/schedule.ts'
import type { SpecTag } from '../../imagestream/spec/spec.ts'
import { groupBy } from '../../input/group-by.ts'
import { loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageStreamType, TagReferenceType } from '../kit/object-types.ts'

const ImportScheduleType = builder.objectRef<Schedule>('ImportSchedule').implement({
  description: 'When something is imported next without being asked, and how that went lately.',
  fields: (t) => ({
    tag: t.string({
      nullable: true,
      description: 'The spec tag that is imported; null for the tags of `dockerImageRepository`.',
      resolve: ({ tag }) => tag || null,
    }),
    dueAt: t.field({
      type: 'DateTime',
      description:
        'When its next import is due: an interval (`--schedule-minutes`) after its last one ended, 2 and then 4 while it fails again and again, and `slowedBy` of them while webhooks tell of its changes. It begins a little later where many streams are due at once.',
      resolve: ({ dueAt }) => dueAt,
    }),
    slowedBy: t.exposeInt('slowedBy', {
      description:
        'How many intervals lie between two imports of it: 1, or 2, 4 and then 8 while each change was told by a webhook before it was due to be looked for. A change that none told of, or a webhook that falls silent, makes it 1 again at once.',
    }),
    succeededAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When an import, asked for or not, last brought it in without a failure; null when none did.',
      resolve: ({ succeededAt }) => succeededAt,
    }),
    failedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When an import of it last failed; null when none did.',
      resolve: ({ failedAt }) => failedAt,
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        'Why its newest import failed, in one of the words that a tag’s condition uses; null when it did not.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why its newest import failed, for a person; null when it did not.',
    }),
  }),
})

builder.objectField(ImageStreamType, 'schedules', (t) =>
  t.field({
    type: [ImportScheduleType],
    description:
      'What of it is imported periodically, as `importPolicy.scheduled` says: the repository first, then spec tags by name.',
    resolve: (stream, _args, { schedules }) =>
      loadForBatch(stream, 'schedules', (streams) =>
        groupBy(schedules.ofStreams(streams.map(({ id }) => id)), ({ streamId }) => streamId),
      ).get(stream.id) ?? [],
  }),
)

builder.objectField(TagReferenceType, 'schedule', (t) =>
  t.field({
    type: ImportScheduleType,
    nullable: true,
    description:
      'When it is imported next; null where it is not scheduled, or has nothing to import from: no `DockerImage`, or `reference: true`.',
    resolve: scheduleOf,
  }),
)

function scheduleOf(tag: SpecTag, _args: object, { schedules }: GraphQLContext): Schedule | undefined {
  return loadForBatch(tag, 'schedule', (tags) => {
    const found = schedules.ofStreams([...new Set(tags.map(({ streamId }) => streamId))])
    return new Map(found.map((one) => [`${one.streamId}/${one.tag}`, one]))
  }).get(`${tag.streamId}/${tag.name}`)
}
