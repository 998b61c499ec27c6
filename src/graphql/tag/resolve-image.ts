import { type ResolvedImage, resolveImage } from '../../imagestream/stream/resolve-image.ts'
import { builder } from '../kit/builder.ts'
import { namespaceArg } from '../kit/inputs.ts'
import { ImageStreamTagType, ImageType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'

const ResolutionSourceEnum = enumType('ResolutionSource', {
  description: 'Origin of a resolved image name.',
  values: {
    IMAGE_STREAM:
      'The image stream with this name in the namespace, because its `lookupPolicy.local` is true.',
    REFERENCE: 'The registry that the name contains, or Docker Hub if the name contains none.',
  },
})

const ResolvedImageType = objectType<ResolvedImage>('ResolvedImage', {
  description: 'The image that a workload would pull for an image name.',
  properties: (t) => ({
    dockerImageReference: t.stringOrNull(
      'Pull spec with all defaults filled in. For an image stream, the pull spec is by digest, and with `referencePolicy: LOCAL` it names the integrated registry. For a tag without an image it is the stream’s own pull spec by tag (`isPending`). Null if the stream never had an image of the digest.',
    ),
    source: t.one(ResolutionSourceEnum, 'Origin of the resolved name.'),
    image: t.oneOrNull(
      ImageType,
      'The image that the workload would pull; null if this server has no record of the image.',
    ),
    message: t.stringOrNull(
      'Explanation of why the image stream has no such image; null if it has one, and for a reference to a registry.',
    ),
    isPending: t.boolean(
      'Whether the image does not exist yet: the image stream has no such tag, or the tag has no image. The pull spec then names the stream’s own repository, so that a workload waits until the tag gets an image, and does not pull an image of that name from elsewhere. The integrated registry serves the tag once it is pushed, tagged from a pushed image, or imported with `referencePolicy: LOCAL`.',
    ),
  }),
  fields: (t) => ({
    isResolved: t.boolean({
      description:
        'Whether `dockerImageReference` contains a digest, and so always identifies the same image.',
      resolve: ({ dockerImageReference }) => dockerImageReference?.includes('@') ?? false,
    }),
    imageStreamTag: t.expose('tag', {
      type: ImageStreamTagType,
      nullable: true,
      description:
        'Tag that the name refers to. Null for a reference to a registry, and for a name with a digest.',
    }),
  }),
})

builder.queryField('resolveImage', (t) =>
  t.field({
    type: ResolvedImageType,
    description:
      'Resolves the name of an image as for a workload of the namespace. The server sends no request to a registry.',
    access: 'view',
    example: `
      # The pull spec for the image name of a container.
      query ResolveImage {
        resolveImage(name: "ruby:latest") { isResolved dockerImageReference message }
      }
    `,
    args: {
      name: t.arg.string({
        required: true,
        description:
          'Name of an image as in a workload: `ruby`, `ruby:3.3`, `ruby@sha256:…`, or a reference to a registry such as `quay.io/team/app:v1`. A name with a slash is always a reference to a registry.',
      }),
      ...namespaceArg('Namespace of the workload'),
    },
    resolve: (_query, { name, namespace }, context) => {
      const { streams, tags, images, lookBack, registry, pullRepository } = context
      return resolveImage(
        context.viewer,
        { namespace, name },
        {
          streams,
          tags,
          images,
          lookBack,
          pullRepository,
          localRepository: (stream) => (registry.isIntegrated ? pullRepository(stream) : null),
        },
      )
    },
  }),
)
