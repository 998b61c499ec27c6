import type { WatchStatus } from '../../imagestream/watch/repository-watches.ts'
import { loadById } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImageStreamType } from '../kit/references.ts'
import { PART_OF_STREAM } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { ConditionType } from '../tag/condition.ts'

const RepositoryCheckMethodEnum = enumType('RepositoryCheckMethod', {
  description: 'Method by which an import found the changed tags of a repository.',
  names: { FULL_SWEEP: 'FULL_SCAN' },
  values: {
    LISTING:
      'The vendor’s listing contained the changed tags, and only these tags were requested from the registry.',
    FULL_SWEEP: 'The tag list and each of its tags were requested from the registry.',
  },
})

registerRowNode('RepositoryWatch', {
  load: (id, { watches }) => watches.statusOf([id]).get(id),
  access: PART_OF_STREAM,
})

const RepositoryWatchType = objectType<WatchStatus>('RepositoryWatch', {
  description:
    'How the server detects changes in the repository of an image stream. Some vendors offer a listing with the digests of many tags. The server uses a listing as a hint: it confirms each change with the registry, and runs a full scan of all tags regularly.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the watch; the same as long as the image stream exists.',
      resolve: ({ streamId }) => nodeId('RepositoryWatch', streamId),
    }),
    checkMethod: t.expose('checkedBy', {
      type: RepositoryCheckMethodEnum,
      nullable: true,
      description: 'Method of the last check; null before the first check.',
    }),
    listingUnusedUntil: t.expose('setAsideUntil', {
      type: 'DateTime',
      nullable: true,
      description:
        'Time until which the vendor’s listing is not used because it failed; the condition `VENDOR_LISTING` contains the reason. Null if the listing did not fail.',
    }),
  }),
  properties: (t) => ({
    vendor: t.stringOrNull(
      'Vendor whose listing is available, for example `Docker Hub` or `Quay`. Null if the registry has no known listing or the listing is not used.',
    ),
    checkedAt: t.dateTimeOrNull(
      'Time at which an import last read the repository with success; null if there was none.',
    ),
    fullScanAt: t.dateTimeOrNull('Time of the last full scan; null if the next import runs a full scan.'),
    nextFullScanAt: t.dateTimeOrNull(
      'Time from which an import runs a full scan again (`--full-scan-hours`). Null if the next import runs a full scan anyway because there is no reliable listing.',
    ),
  }),
})

builder.objectFields(ImageStreamType, (t) => ({
  repositoryWatch: t.field({
    type: RepositoryWatchType,
    nullable: true,
    description:
      'How the server detects changes in `spec.dockerImageRepository`; null if it is not set, or before its first import.',
    resolve: (stream, _args, { watches }) =>
      loadById(stream, 'repository watch', (ids) => watches.statusOf(ids)),
  }),
  conditions: t.field({
    type: [ConditionType],
    description:
      'Conditions of the image stream, which are present while something fails: at most one of each type, `IMPORT_SUCCESS` and `VENDOR_LISTING`. Conditions of tags are in `ImageStreamTag.conditions`.',
    resolve: (stream, _args, { watches, streamConditions }) => [
      ...(loadById(stream, 'import conditions', streamConditions.ofStreams) ?? []),
      ...(loadById(stream, 'listing conditions', watches.conditionsOf) ?? []),
    ],
  }),
}))
