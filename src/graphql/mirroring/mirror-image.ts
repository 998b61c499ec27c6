import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import {
  type ImageMirroring,
  isOneImage,
  isRepository,
  type MirroringRequest,
} from '../../registry/mirroring/mirroring.ts'
import type { MirroringPlan } from '../../registry/mirroring/mirroring-plans.ts'
import type { Mirrorings } from '../../registry/mirroring/mirrorings.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inputType, mutation } from '../kit/inputs.ts'
import { listConnection } from '../kit/list-page.ts'
import { rowIdOf } from '../kit/node.ts'
import { ImageStreamTagType, ImageStreamType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { tagOfStream } from '../tag/tags-of-stream.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { ImageMirroringType } from './image-mirroring.ts'
import { MirrorImageInput, mirroringRequestOf } from './mirror-image-input.ts'
import { PlannedMirroredTagConnection, plannedTagCursors } from './mirrored-tag.ts'

const ImageMirroringPlanType = objectType<MirroringPlan>('ImageMirroringPlan', {
  description:
    'What a mirroring would copy. Counts and sizes are those of all tags together; blobs of several images are counted once.',
  properties: (t) => ({
    digest: t.digestOrNull('Digest of the image; null for several tags.'),
    manifestCount: t.int(
      'Number of manifests that were read: of the images, their platforms and their referrers.',
    ),
    blobCount: t.int('Number of different blobs.'),
    size: t.bigInt('Bytes of all blobs.'),
    fetchBlobCount: t.int(
      'Number of blobs that would be transferred, because the destination does not have them.',
    ),
    fetchSize: t.bigInt('Bytes that would be transferred.'),
  }),
  fields: (t) => ({
    presentSize: t.field({
      type: 'BigInt',
      description: 'Bytes that would not be transferred, because the destination has them.',
      resolve: ({ size, fetchSize }) => size - fetchSize,
    }),
    tags: t.field({
      type: PlannedMirroredTagConnection,
      description:
        'The tags with their expected outcomes, in the order of their names at the source; at most 1,000.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: ({ tags }, args, _context, info) =>
        listConnection(args, info, {
          cursors: plannedTagCursors,
          items: tags.map((tag, place) => ({ ...tag, place })),
          keyOf: ({ place }) => [place],
        }),
    }),
  }),
})

interface MirroredPayload {
  readonly plan: MirroringPlan | null
  readonly imageMirroring: ImageMirroring | null
  readonly imageStream: ImageStream | null
  readonly imageStreamTag: Tag | null
}

const MirrorImagePayload = objectType<MirroredPayload>('MirrorImagePayload', {
  description: 'The mirroring after the wait, or the plan of a dry run.',
  properties: (t) => ({
    plan: t.oneOrNull(ImageMirroringPlanType, 'What would be copied; null unless `dryRun` is true.'),
    imageMirroring: t.oneOrNull(
      ImageMirroringType,
      'The mirroring in its state after the wait, which may be `FAILED`; null in a dry run.',
    ),
    imageStream: t.oneOrNull(
      ImageStreamType,
      'The image stream; null if it does not exist yet, and with `toRepository`.',
    ),
    imageStreamTag: t.oneOrNull(
      ImageStreamTagType,
      'The tag in its present state; null if it does not exist yet, for several tags, and with `toRepository`.',
    ),
  }),
})

const CancelImageMirroringInput = inputType('CancelImageMirroringInput', {
  description: 'A mirroring to cancel.',
  fields: (t) => ({ id: t.requiredId('Global `id` of the mirroring.') }),
})

const CancelImageMirroringPayload = objectType<{ imageMirroring: ImageMirroring }>(
  'CancelImageMirroringPayload',
  {
    description: 'The cancelled mirroring.',
    properties: (t) => ({
      imageMirroring: t.one(ImageMirroringType, 'The mirroring; unchanged if it had ended before.'),
    }),
  },
)

/** Throws InvalidInputError with an external registry. */
function integrated({ mirrorings }: Pick<GraphQLContext, 'mirrorings'>): Mirrorings {
  if (mirrorings) return mirrorings
  throw new InvalidInputError(
    'imageStream',
    'mirrorImage copies into the integrated registry, which an external registry replaces on this server (--external-registry): copy with "skopeo copy --all" or "oc image mirror" into that registry',
  )
}

/** Returns the stream and the tag that get the image; null for another registry, and where they do not exist yet. */
function targetOf({ destination, images }: MirroringRequest, context: GraphQLContext) {
  if (isRepository(destination)) return { imageStream: null, imageStreamTag: null }
  const { namespace, name } = destination
  const imageStream = context.streams.byName(context.viewer, namespace, name) ?? null
  const tag = isOneImage(images) ? images.tag : null
  return {
    imageStream,
    imageStreamTag: (imageStream && tag && tagOfStream(imageStream, tag, context)) ?? null,
  }
}

mutation('mirrorImage', {
  description:
    'Copies an image, or the images of several tags, from any registry into the integrated registry or, with `toRepository`, into any other, like `oc image mirror` or `skopeo copy --all`, and points a tag to each: the index with its platforms, manifests byte for byte, configs, layers and, if wanted, its signatures and SBOMs. Content that the destination has is not transferred. A tag moves once everything is stored. The namespace’s credentials and the registry configurations apply to source and destination; `toRepository` requires the right `credentials` in the namespace. A mirroring survives a restart of the server; the failure of a tag is its state and not an error of the mutation. `INVALID` with an external registry.',
  access: 'import',
  complexity: MUTATION_COMPLEXITY.remote,
  example: `
    # Copies an image with its signatures into the integrated registry.
    mutation MirrorImage {
      mirrorImage(input: {
        imageStream: "mirrors/ruby:slim"
        from: { kind: DOCKER_IMAGE, name: "docker.io/library/ruby:3.4-slim" }
        includeReferrers: true
      }) {
        imageMirroring { id state digest size fetchedSize message }
      }
    }
  `,
  input: MirrorImageInput,
  inputDescription: 'The images and their destination.',
  payload: MirrorImagePayload,
  resolve: async (input, context) => {
    const mirrorings = integrated(context)
    const seconds = checkWait(input.waitSeconds)
    const request = mirroringRequestOf(input, context)
    if (input.dryRun) {
      return {
        plan: await mirrorings.plan(context.viewer, request),
        imageMirroring: null,
        ...targetOf(request, context),
      }
    }
    const imageMirroring = await mirrorings.wait(mirrorings.request(context.viewer, request), seconds)
    if (!imageMirroring) throw new Error('the mirroring that was just requested does not exist')
    return { plan: null, imageMirroring, ...targetOf(request, context) }
  },
})

mutation('cancelImageMirroring', {
  description:
    'Cancels a mirroring that waits or runs: its tags that have not ended are `SKIPPED`. `NOT_FOUND` if there is no mirroring with this `id`.',
  access: 'import',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Ends a mirroring. One that has ended stays as it is.
    mutation CancelImageMirroring($mirroring: ID!) {
      cancelImageMirroring(input: { id: $mirroring }) { imageMirroring { id state } }
    }
  `,
  input: CancelImageMirroringInput,
  inputDescription: 'The mirroring to cancel.',
  payload: CancelImageMirroringPayload,
  resolve: (input, context) => {
    const id = rowIdOf('ImageMirroring', input.id)
    if (id === undefined) throw new NotFoundError('there is no mirroring with this id')
    return { imageMirroring: integrated(context).cancel(context.viewer, id) }
  },
})
