import { sees, type Viewer } from '../../access/right/viewer.ts'
import { NotFoundError } from '../../input/errors.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { formatPlace, type ImageMirroring } from '../../registry/mirroring/mirroring.ts'
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
import { MirroredTagConnection, MirroredTagStateEnum, seenSource, tagCursors } from './mirrored-tag.ts'

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
    SUCCEEDED: 'All of each image is at the destination, and its tag points to it.',
    FAILED:
      'At least one tag failed; `reason` and `message` explain it, and `tags` has the outcome of each. The tags that failed did not move, and an image stream got no manifest of them. Blobs that were stored completely stay for a day, so that the next mirroring need not copy them again.',
    CANCELLED: 'The mirroring was cancelled: the tags that had not ended are `SKIPPED`.',
  },
})

export const ImageMirroringType = builder.objectRef<ImageMirroring>('ImageMirroring')

objectType(ImageMirroringType, {
  description:
    'A copy of an image, or of the images of several tags, from a registry to another, by `mirrorImage`. Counts and sizes are the sums over its tags, of which those that were `UNCHANGED` add nothing where their manifests need not be read. The last 1,000 finished ones are kept.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string(
      'Namespace of the image stream that gets the images; with a destination in another registry, the namespace whose credentials are used.',
    ),
    tagPattern: t.stringOrNull('Pattern over the tags that are copied; null for one image.'),
    state: t.one(ImageMirroringStateEnum, 'State of the mirroring.'),
    createdAt: t.dateTime('Time at which the mirroring was requested.'),
    startedAt: t.dateTimeOrNull(
      'Time at which the mirroring started, or started again after a restart of the server; null while it waits.',
    ),
    finishedAt: t.dateTimeOrNull('Time at which the mirroring ended; null until then.'),
    digest: t.digestOrNull(
      'Digest of the image; null until the registry has returned it, and for several tags.',
    ),
    tagCount: t.int('Number of tags that are copied; 0 until they are listed.'),
    copiedTagCount: t.int('Number of tags that are `COPIED`.'),
    unchangedTagCount: t.int('Number of tags that are `UNCHANGED`.'),
    failedTagCount: t.int('Number of tags that are `FAILED`.'),
    skippedTagCount: t.int('Number of tags that are `SKIPPED`.'),
    manifestCount: t.intOrNull(
      'Number of manifests: of the images, their platforms and their referrers; null until they are read.',
    ),
    blobCount: t.intOrNull('Number of different blobs; null until the manifests are read.'),
    storedBlobCount: t.int(
      'Number of blobs that are stored, including those that the destination had before.',
    ),
    size: t.bigIntOrNull('Bytes of all blobs; null until the manifests are read.'),
    storedSize: t.bigInt('Bytes that are stored, including those that the destination had before.'),
    fetchedSize: t.bigInt(
      'Bytes that were transferred from the source, without blobs that the destination had before or mounted from another repository.',
    ),
    reason: t.oneOrNull(
      FailureReasonEnum,
      'Why the mirroring, or the first of its tags that failed, failed; null if it did not.',
    ),
    message: t.stringOrNull('Explanation for people why the mirroring failed; null if it did not.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the mirroring, for example for `imageMirroringProgressed`.',
      resolve: ({ id }) => nodeId('ImageMirroring', id),
    }),
    tag: t.string({
      nullable: true,
      description:
        'Name of the tag that points to the image when all of it is stored; null for several tags, and for an image that is copied by its digest alone.',
      resolve: ({ tag }) => tag || null,
    }),
    source: t.string({
      nullable: true,
      description:
        'Reference of the image that is copied, for example `docker.io/library/ruby:3.3`. With `tagPattern` the repository of the images, for example `quay.io/team/app`, or their image stream, for example `team/app`. Null for an image stream of this server that the viewer does not see.',
      resolve: ({ source, ofStream }, _args, context) => seenSource(source, ofStream, context),
    }),
    repository: t.string({
      description:
        'Repository that gets the images: of the integrated registry as `namespace/name`, of which the namespace ends at the first slash, or of another registry, for example `registry.example.org/team/app`.',
      resolve: (mirroring) => formatPlace(mirroring.to ?? streamOfMirroring(mirroring)),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description:
        'Image stream that gets the images; null if it does not exist yet, or was deleted, and if another registry gets them.',
      resolve: ({ namespace, imageStream, to }, _args, { viewer, streams }) =>
        (to === null && streams.byName(viewer, namespace, imageStream)) || null,
    }),
    tags: t.field({
      type: MirroredTagConnection,
      description: 'The tags, each with its outcome, in the order in which they are copied; at most 10,000.',
      args: {
        state: t.arg({ type: MirroredTagStateEnum, description: 'Returns only tags in this state.' }),
        ...connectionArgs,
      },
      complexity: pageComplexity,
      resolve: (mirroring, { state, ...args }, { mirrorings }, info) =>
        connection(args, info, {
          cursors: tagCursors,
          rows: (page) => batch(mirrorings?.tagPage(mirroring, state ?? undefined, page) ?? []),
          totalCount: () => mirrorings?.tagCount(mirroring, state ?? undefined) ?? 0,
        }),
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description:
        'The image; null until it is stored, after it was pruned, and for several tags or an image that no image stream of this server has.',
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
      'Returns copies of images, by `mirrorImage`, the newest first; those to another registry for viewers who see all image streams of the namespace. Empty with an external registry.',
    access: 'view',
    example: `
      # The newest copies of images, with their progress.
      query ImageMirrorings {
        imageMirrorings(first: 10) {
          nodes { source repository tag tagPattern state tagCount failedTagCount size storedSize message }
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
