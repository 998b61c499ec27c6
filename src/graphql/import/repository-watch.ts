import type { StreamCondition, WatchStatus } from '../../imagestream/watch/watch-status.ts'
import { loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamStatusType } from '../kit/object-types.ts'
import { ConditionStatusEnum } from '../tag/tag-event.ts'

const RepositoryCheckMethodEnum = builder.enumType('RepositoryCheckMethod', {
  description: 'How it was found out what moved in a repository.',
  values: {
    LISTING: {
      description:
        'The vendor’s own listing told which tags changed, and the registry was asked about those alone.',
    },
    FULL_SWEEP: { description: 'The registry was asked for its list of tags, and about each of them.' },
  } as const,
})

const RepositoryWatchType = builder.objectRef<WatchStatus>('RepositoryWatch').implement({
  description:
    'How the repository of a stream is watched. Some vendors have a listing of their own that tells many tags with their digests at once. It is taken as a hint: what moved is asked of the registry itself, and every tag from time to time.',
  fields: (t) => ({
    vendor: t.exposeString('vendor', {
      nullable: true,
      description:
        'Whose listing there is: `Docker Hub`, `Quay`; null where the registry is not known to have one, or none is used.',
    }),
    checkedAt: t.expose('checkedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When an import last looked at the repository and could read what it has.',
    }),
    checkedBy: t.expose('checkedBy', {
      type: RepositoryCheckMethodEnum,
      nullable: true,
      description: 'How it was looked at then; null until it was.',
    }),
    sweptAt: t.expose('sweptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When every tag was last asked for; null when the next import is to do so.',
    }),
    nextSweepAt: t.expose('nextSweepAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'From when on an import asks for every tag again (`--full-sweep-hours`); null where the next one does so in any case, for there is no listing to rely on.',
    }),
    setAsideUntil: t.expose('setAsideUntil', {
      type: 'DateTime',
      nullable: true,
      description:
        'Until when the vendor’s listing is not asked for because it failed, as the condition `VendorListing` says; null when nothing is wrong with it.',
    }),
  }),
})

const ImageStreamConditionType = builder.objectRef<StreamCondition>('ImageStreamCondition').implement({
  description: 'Something that is so, or not so, about an image stream.',
  fields: (t) => ({
    type: t.exposeString('type', { description: 'What it is about: `VendorListing`.' }),
    status: t.expose('status', { type: ConditionStatusEnum, description: 'Whether it holds.' }),
    reason: t.exposeString('reason', {
      description:
        'Why, in one word: `Forbidden`, `Unauthorized`, `NotFound`, `OddShape`, `TooManyRequests`, `Unavailable` or `InternalError`.',
    }),
    message: t.exposeString('message', {
      description: 'Why, for a person: whose listing it is, and what is wrong with it.',
    }),
    lastTransitionTime: t.expose('lastTransitionTime', {
      type: 'DateTime',
      description: 'Since when it is so.',
    }),
    generation: t.exposeInt('generation', { description: 'Generation of the spec that it is about.' }),
  }),
})

builder.objectFields(ImageStreamStatusType, (t) => ({
  repositoryWatch: t.field({
    type: RepositoryWatchType,
    nullable: true,
    description:
      'How `spec.dockerImageRepository` is watched; null where there is none, or no import has looked at it yet.',
    resolve: (stream, _args, { watches }) =>
      loadForBatch(stream, 'repository watch', (streams) =>
        watches.statusOf(streams.map(({ id }) => id)),
      ).get(stream.id),
  }),
  conditions: t.field({
    type: [ImageStreamConditionType],
    description:
      'What is wrong with the stream as a whole: `VendorListing` is `False` since its vendor’s listing could not be used, and every tag is asked for instead. Empty when all is well. What is wrong with a tag is at the tag.',
    resolve: (stream, _args, { watches }) =>
      loadForBatch(stream, 'conditions', (streams) => watches.conditionsOf(streams.map(({ id }) => id))).get(
        stream.id,
      ) ?? [],
  }),
}))
