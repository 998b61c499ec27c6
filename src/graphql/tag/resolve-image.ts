import { type ResolvedImage, resolveImage } from '../../imagestream/stream/resolve-image.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamTagType, ImageType } from '../kit/object-types.ts'

const ResolutionSourceEnum = builder.enumType('ResolutionSource', {
  description: 'Who answers for the name of an image.',
  values: {
    IMAGE_STREAM: {
      description: 'The image stream of that bare name in the namespace, whose `lookupPolicy` is `local`.',
    },
    REFERENCE: { description: 'The registry that the name says, or Docker Hub where it says none.' },
  } as const,
})

const ResolvedImageType = builder.objectRef<ResolvedImage>('ResolvedImage').implement({
  description: 'What a workload would pull for the name of an image.',
  fields: (t) => ({
    dockerImageReference: t.exposeString('dockerImageReference', {
      nullable: true,
      description:
        'What to pull, all defaults written out. Of a stream it is by digest, and with `referencePolicy: Local` the integrated registry’s; null where the stream has no such image.',
    }),
    isResolved: t.boolean({
      description: 'Whether `dockerImageReference` is by digest, so that it can only ever mean one image.',
      resolve: ({ dockerImageReference }) => dockerImageReference?.includes('@') ?? false,
    }),
    source: t.field({
      type: ResolutionSourceEnum,
      description: 'Who answers for the name.',
      resolve: ({ source }) => source,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image that would be pulled; null where it is not known here.',
      resolve: ({ image }) => image,
    }),
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'The tag that the name means; null for a registry’s reference, and for a name by digest.',
      resolve: ({ tag }) => tag,
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why there is nothing to pull; null where there is.',
    }),
  }),
})

builder.queryField('resolveImage', (t) =>
  t.field({
    type: ResolvedImageType,
    description:
      'What the name of an image would mean for a workload of this namespace. Nothing is asked over the network.',
    args: {
      name: t.arg.string({
        required: true,
        description:
          'As a workload writes it: `ruby`, `ruby:3.3`, `ruby@sha256:…`, or a registry’s `quay.io/team/app:v1`.',
      }),
      namespace: t.arg.string({
        required: true,
        defaultValue: 'default',
        description: 'Namespace of the workload.',
      }),
    },
    resolve: (_query, { name, namespace }, context) => {
      const { streams, tags, images, lookBack, registry, pullRepository } = context
      return resolveImage(namespace, name, {
        streams,
        tags,
        images,
        lookBack,
        localRepository: (stream) => (registry.isIntegrated ? pullRepository(stream) : null),
      })
    },
  }),
)
