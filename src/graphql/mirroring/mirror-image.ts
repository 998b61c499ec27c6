import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { isPlatformName } from '../../oci/platforms.ts'
import type { ImageMirroring, MirroringRequest } from '../../registry/mirroring/mirroring.ts'
import type { MirroringPlan } from '../../registry/mirroring/mirroring-plans.ts'
import type { Mirrorings } from '../../registry/mirroring/mirrorings.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { checkWait, inputType, mutation, ofTag } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { ImageStreamTagType, ImageStreamType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { ObjectReferenceInput } from '../tag/tag-reference-input.ts'
import { tagOfStream } from '../tag/tags-of-stream.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { ImageMirroringType } from './image-mirroring.ts'

const MAX_PLATFORMS = 64

const MirrorImageInput = inputType('MirrorImageInput', {
  description: 'An image to copy into the integrated registry, and the tag that is to point to it.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(
      ' Its repository gets the image. The mutation creates the stream if it does not exist.',
    ),
    tag: t.tag('Name of the tag that points to the image afterwards'),
    from: t.requiredOne(
      ObjectReferenceInput,
      'Image to copy: a reference in a registry as `DOCKER_IMAGE`, for example `docker.io/library/ruby:3.3`; or the image that a tag of a stream, or an image of its history, has now.',
    ),
    platforms: t.strings(
      `Platforms of a multi-platform image to copy, for example \`linux/arm64\`; at most ${MAX_PLATFORMS}. All platforms if omitted or empty. The index is copied unchanged, so that its digest and its signatures stay valid; the other platforms cannot be pulled. An image for one platform is copied in any case.`,
    ),
    includeReferrers: t.flag(
      'Whether to copy signatures, SBOMs and other artifacts that are attached to the image or to its platforms, also those under cosign’s tags; the default is false.',
    ),
    insecure: t.flag(
      'Whether connections may use plain HTTP or accept an invalid certificate; the default is false. A registry configuration can permit both for a registry.',
    ),
    resourceVersion: t.resourceVersion('has another one or does not exist'),
    dryRun: t.flag(
      'Whether to read the manifests and report what would be copied, without storing anything; the default is false.',
    ),
    waitSeconds: t.waitSeconds('mirroring', 'imageMirroringProgressed'),
  }),
})

const ImageMirroringPlanType = objectType<MirroringPlan>('ImageMirroringPlan', {
  description: 'What a mirroring would copy.',
  properties: (t) => ({
    digest: t.digest('Digest of the image.'),
    fetchBlobCount: t.int('Number of blobs that would be fetched, because this server does not have them.'),
    fetchSize: t.bigInt('Bytes that would be fetched.'),
  }),
  fields: (t) => ({
    manifestCount: t.int({
      description: 'Number of manifests: of the image, its platforms and its referrers.',
      resolve: ({ tree }) => tree.manifests.length,
    }),
    blobCount: t.int({ description: 'Number of different blobs.', resolve: ({ tree }) => tree.blobs.size }),
    size: t.field({ type: 'BigInt', description: 'Bytes of all blobs.', resolve: ({ tree }) => tree.size }),
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
    imageStream: t.oneOrNull(ImageStreamType, 'The image stream; null if it does not exist yet.'),
    imageStreamTag: t.oneOrNull(
      ImageStreamTagType,
      'The tag in its present state; null if it does not exist yet.',
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

type Input = typeof MirrorImageInput.$inferInput

/** Returns the request of the input. Throws InvalidInputError; NotFoundError and ConflictError for the image of a stream. */
function requestOf(given: Input, { viewer, imageReference }: GraphQLContext): MirroringRequest {
  const { namespace, imageStream, tag, from, ...input } = ofTag(given)
  const source = imageReference(viewer, { namespace, name: imageStream }, from)
  const platforms = [...new Set(input.platforms ?? [])]
  if (platforms.length > MAX_PLATFORMS) {
    throw new InvalidInputError('platforms', `platforms may have at most ${MAX_PLATFORMS} items`)
  }
  const wrong = platforms.findIndex((name) => !isPlatformName(name))
  if (wrong >= 0) {
    throw new InvalidInputError(
      `platforms.${wrong}`,
      'a platform is os/architecture or os/architecture/variant: linux/arm64',
    )
  }
  const { includeReferrers, insecure, resourceVersion = null } = input
  const options = { platforms, includeReferrers, insecure, resourceVersion }
  return { namespace, imageStream, tag, source, ...options }
}

const targetOf = ({ namespace, imageStream: name, tag }: MirroringRequest, context: GraphQLContext) => {
  const imageStream = context.streams.byName(context.viewer, namespace, name) ?? null
  return { imageStream, imageStreamTag: (imageStream && tagOfStream(imageStream, tag, context)) ?? null }
}

mutation('mirrorImage', {
  description:
    'Copies an image from any registry into the integrated registry, like `oc image mirror` or `skopeo copy --all`, and points a tag to it: the index with its platforms, manifests byte for byte, configs, layers and, if wanted, its signatures and SBOMs. Content that this server has is not fetched. The tag moves once everything is stored, as by a push. Credentials and registry configurations of the source apply, as for imports. A mirroring survives a restart of the server; a failure is its state and not an error of the mutation. `INVALID` with an external registry.',
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
  inputDescription: 'The image and the tag.',
  payload: MirrorImagePayload,
  resolve: async (input, context) => {
    const mirrorings = integrated(context)
    const seconds = checkWait(input.waitSeconds)
    const request = requestOf(input, context)
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
    'Cancels a mirroring that waits or runs: no manifest is stored and no tag moves. `NOT_FOUND` if there is no mirroring with this `id`.',
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
