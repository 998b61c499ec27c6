import { sees } from '../../access/right/viewer.ts'
import { parseReference } from '../../oci/reference.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { MirroredTag } from '../../registry/mirroring/mirroring.ts'
import type { PlannedTag } from '../../registry/mirroring/mirroring-plans.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { enumType, objectType } from '../kit/types.ts'

registerRowNode('MirroredTag', {
  load: (id, { mirrorings }) => mirrorings?.tagsByIds([id]).get(id),
  access: {
    streamOf: ({ mirroringId }, { mirrorings }) => {
      const found = mirrorings?.byIds([mirroringId]).get(mirroringId)
      return found && { namespace: found.namespace, name: found.imageStream }
    },
  },
})

export const MirroredTagStateEnum = enumType('MirroredTagState', {
  description: 'State, or outcome, of the copy of one tag.',
  values: {
    PENDING:
      'The copy has not ended: it waits, because four images are copied at a time, or it runs. The tag has not moved.',
    COPIED: 'The destination got the image, or a part of it that it lacked, and the tag points to it.',
    UNCHANGED: 'The destination had all of the image, and the tag pointed to it before.',
    FAILED: 'The copy failed; `reason` and `message` explain it. The tag did not move.',
    SKIPPED:
      'The tag was not copied, because the mirroring was cancelled, or because the tag holds referrers of an image; `message` says which.',
  },
})

const SOURCE = 'Reference of the image, for example `docker.io/library/ruby:3.3`.'
const TAG =
  'Tag of the destination that points to the image afterwards; null for an image that is copied by its digest alone.'
const REASON = 'Why the copy failed; null if it did not.'

/** Returns the source; null for one in a stream of this server, which may be known as such, that the viewer does not see. */
export function seenSource(
  source: string,
  known: StreamName | null,
  { viewer, registry: { host } }: GraphQLContext,
): string | null {
  const { registry, repository } = parseReference(source)
  const stream = known ?? (registry === host() ? repositoryNameOf(repository) : undefined)
  return stream && !sees(viewer, stream) ? null : source
}

const MirroredTagType = builder.objectRef<MirroredTag>('MirroredTag')
objectType(MirroredTagType, {
  description: 'One image of a mirroring, with the tag that it is copied to, and the outcome.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    tag: t.stringOrNull(TAG),
    state: t.one(MirroredTagStateEnum, 'State, or outcome, of the copy.'),
    finishedAt: t.dateTimeOrNull('Time at which the copy ended; null until then.'),
    digest: t.digestOrNull('Digest of the image; null until the registry has returned it.'),
    manifestCount: t.intOrNull(
      'Number of manifests: of the image, its platforms and its referrers; null until they are read, and where they need not be read.',
    ),
    blobCount: t.intOrNull('Number of different blobs; null until the manifests are read.'),
    storedBlobCount: t.int(
      'Number of blobs that are stored, including those that the destination had before.',
    ),
    size: t.bigIntOrNull('Bytes of all blobs; null until the manifests are read.'),
    storedSize: t.bigInt('Bytes that are stored, including those that the destination had before.'),
    fetchedSize: t.bigInt('Bytes that were transferred from the source.'),
    reason: t.oneOrNull(FailureReasonEnum, REASON),
    message: t.stringOrNull('Explanation for people why the tag failed or was skipped; null if it was not.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the tag of this mirroring.',
      resolve: ({ id }) => nodeId('MirroredTag', id),
    }),
    source: t.string({
      nullable: true,
      description: `${SOURCE} Null for an image stream of this server that the viewer does not see.`,
      resolve: ({ source }, _args, context) => seenSource(source, null, context),
    }),
  }),
})

export const MirroredTagConnection = connectionType('MirroredTag', MirroredTagType, {
  items: 'tags of a mirroring',
})
export const tagCursors = keyCursors<MirroredTag>('mirroredTags', ({ id }) => [id])

/** A planned tag with its place in the list. */
export interface PlacedTag extends PlannedTag {
  readonly place: number
}

const PlannedMirroredTagType = builder.objectRef<PlacedTag>('PlannedMirroredTag')
objectType(PlannedMirroredTagType, {
  description: 'What a mirroring would do with one tag.',
  properties: (t) => ({
    source: t.string(SOURCE),
    tag: t.stringOrNull(TAG),
    state: t.one(
      MirroredTagStateEnum,
      'Expected outcome: `COPIED`, `FAILED`, or `UNCHANGED` where that is known without reading the manifests.',
    ),
    digest: t.digestOrNull('Digest of the image; null if it cannot be read.'),
    manifestCount: t.int('Number of manifests that were read.'),
    blobCount: t.int('Number of different blobs; 0 where no manifest was read.'),
    size: t.bigInt('Bytes of all blobs.'),
    fetchBlobCount: t.int('Number of blobs that the destination does not have.'),
    fetchSize: t.bigInt('Bytes of the blobs that the destination does not have.'),
    reason: t.oneOrNull(FailureReasonEnum, REASON),
    message: t.stringOrNull('Explanation for people why the copy would fail; null if it would not.'),
  }),
})

export const PlannedMirroredTagConnection = connectionType('PlannedMirroredTag', PlannedMirroredTagType, {
  items: 'tags that a mirroring would copy',
})
export const plannedTagCursors = keyCursors<PlacedTag>('plannedMirroredTags', ({ place }) => [place])
