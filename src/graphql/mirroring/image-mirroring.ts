import { sees, type Viewer } from '../../access/right/viewer.ts'
import { NotFoundError } from '../../input/errors.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { ImageMirroring } from '../../registry/mirroring/mirroring.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { ImageStreamType, ImageType } from '../kit/references.ts'
import { describePattern, namespaceFilterArg } from '../kit/search-filter.ts'
import { enumType, objectType } from '../kit/types.ts'
import { whileSeen } from '../work/while-seen.ts'

const streamOfMirroring = ({ namespace, imageStream: name }: ImageMirroring): StreamName => ({
  namespace,
  name,
})

registerRowNode('ImageMirroring', {
  load: (id, { mirrorings }) => mirrorings?.byIds([id]).get(id),
  access: { streamOf: streamOfMirroring },
})

const ImageMirroringStateEnum = enumType('ImageMirroringState', {
  description: 'State of a mirroring.',
  values: {
    PENDING: 'The mirroring waits for others: four run at a time.',
    RUNNING: 'The server reads the manifests, or fetches the blobs. No tag has moved.',
    SUCCEEDED: 'All of the image is stored, and the tag points to it.',
    FAILED:
      'The mirroring failed; `reason` and `message` explain it. No manifest was stored, and the tag did not move. Blobs that were stored completely stay for a day, so that the next mirroring need not fetch them again.',
    CANCELLED: 'The mirroring was cancelled; otherwise as `FAILED`.',
  },
})

export const ImageMirroringType = builder.objectRef<ImageMirroring>('ImageMirroring')

objectType(ImageMirroringType, {
  description:
    'A copy of an image from a registry into the integrated registry, by `mirrorImage`. The last 1,000 finished ones are kept.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace of the image stream that gets the image.'),
    tag: t.string('Name of the tag that points to the image when all of it is stored.'),
    source: t.string('Reference of the image that is copied, for example `docker.io/library/ruby:3.3`.'),
    state: t.one(ImageMirroringStateEnum, 'State of the mirroring.'),
    createdAt: t.dateTime('Time at which the mirroring was requested.'),
    startedAt: t.dateTimeOrNull(
      'Time at which the mirroring started, or started again after a restart of the server; null while it waits.',
    ),
    finishedAt: t.dateTimeOrNull('Time at which the mirroring ended; null until then.'),
    digest: t.digestOrNull('Digest of the image; null until the registry has returned it.'),
    manifestCount: t.intOrNull(
      'Number of manifests: of the image, its platforms and its referrers; null until they are read.',
    ),
    blobCount: t.intOrNull('Number of different blobs; null until the manifests are read.'),
    storedBlobCount: t.int('Number of blobs that are stored, including those that this server had before.'),
    size: t.bigIntOrNull('Bytes of all blobs; null until the manifests are read.'),
    storedSize: t.bigInt('Bytes that are stored, including those that this server had before.'),
    fetchedSize: t.bigInt(
      'Bytes that were received from the registry, without blobs that this server had before.',
    ),
    reason: t.oneOrNull(FailureReasonEnum, 'Why the mirroring failed; null if it did not.'),
    message: t.stringOrNull('Explanation for people why the mirroring failed; null if it did not.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the mirroring, for example for `imageMirroringProgressed`.',
      resolve: ({ id }) => nodeId('ImageMirroring', id),
    }),
    repository: t.string({
      description:
        'Repository of the integrated registry that gets the image, as `namespace/name`: the namespace ends at the first slash.',
      resolve: ({ namespace, imageStream: name }) => formatRepositoryName({ namespace, name }),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'Image stream that gets the image; null if it does not exist yet, or was deleted.',
      resolve: ({ namespace, imageStream }, _args, { viewer, streams }) =>
        streams.byName(viewer, namespace, imageStream) ?? null,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image; null until it is stored, and after it was pruned.',
      resolve: ({ state, digest }, _args, { viewer, images }) =>
        (state === 'SUCCEEDED' && digest && images.byDigest(viewer, digest)) || null,
    }),
  }),
})

const ImageMirroringConnection = connectionType('ImageMirroring', ImageMirroringType, { items: 'mirrorings' })
const cursors = keyCursors<ImageMirroring>('imageMirrorings', ({ id }) => [id])

builder.queryField('imageMirrorings', (t) =>
  t.field({
    type: ImageMirroringConnection,
    description:
      'Returns copies of images into the integrated registry, by `mirrorImage`, the newest first. Empty with an external registry.',
    access: 'view',
    example: `
      # The newest copies of images, with their progress.
      query ImageMirrorings {
        imageMirrorings(first: 10) {
          nodes { source repository tag state size storedSize blobCount storedBlobCount message }
        }
      }
    `,
    complexity: pageComplexity,
    args: {
      ...namespaceFilterArg('mirrorings into image streams'),
      imageStream: t.arg.string({
        description: describePattern('mirrorings into image streams', ' `app:v1` names the tag too.'),
      }),
      state: t.arg({ type: ImageMirroringStateEnum, description: 'Returns only mirrorings in this state.' }),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, imageStream, state, ...args }, { viewer, mirrorings }, info) => {
      const { stream, ...named } = patternNamed({ namespace, name: imageStream }, 'imageStream')
      const filter = { ...named, imageStream: stream, state: state ?? undefined }
      return connection(args, info, {
        cursors,
        rows: (page) => batch(mirrorings?.page(viewer, filter, page) ?? []),
        totalCount: () => mirrorings?.count(viewer, filter) ?? 0,
      })
    },
  }),
)

const NO_MIRRORING = 'there is no mirroring with this id'

builder.subscriptionField('imageMirroringProgressed', (t) =>
  t.field({
    type: ImageMirroringType,
    description:
      'Delivers the mirroring in its present state, then again as it progresses, at most four times a second, until it ends. `NOT_FOUND` if there is no mirroring with this `id`.',
    access: 'view',
    example: `
      # The progress of a mirroring until it ends.
      subscription ImageMirroringProgressed($mirroring: ID!) {
        imageMirroringProgressed(id: $mirroring) { state size storedSize blobCount storedBlobCount message }
      }
    `,
    args: { id: t.arg.id({ required: true, description: 'Global `id` of the mirroring.' }) },
    subscribe(_root, args, context) {
      const { viewer, mirrorings } = context
      const id = rowIdOf('ImageMirroring', args.id)
      if (!mirrorings || id === undefined) throw new NotFoundError(NO_MIRRORING)
      const isSeen = (by: Viewer, mirroring: ImageMirroring): boolean =>
        sees(by, streamOfMirroring(mirroring))
      return whileSeen(context, mirrorings.follow(viewer, id), { isSeen, missing: NO_MIRRORING })
    },
    // also an error, which the executor reports
    resolve: (progressed) => progressed as ImageMirroring,
  }),
)
