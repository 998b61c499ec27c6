import { ConflictError, InvalidInputError, NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, splitName } from '../../input/names.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamImageType, ImageStreamType, ImageType } from '../kit/object-types.ts'

ImageStreamImageType.implement({
  description: 'An image in the history of a stream.',
  fields: (t) => ({
    name: t.string({
      description: 'Stream and digest: `ruby@sha256:…`.',
      resolve: ({ stream, image }) => `${stream.name}@${image.digest}`,
    }),
    imageStream: t.field({
      type: ImageStreamType,
      description: 'The stream whose history has it.',
      resolve: ({ stream }) => stream,
    }),
    image: t.field({
      type: ImageType,
      description: 'The image that the digest names.',
      resolve: ({ image }) => image,
    }),
  }),
})

/** Candidates that an ambiguous name is answered with. */
const MAX_CANDIDATES = 10

builder.queryField('imageStreamImage', (t) =>
  t.field({
    type: ImageStreamImageType,
    nullable: true,
    description:
      'An image in the history of a stream, by its digest or a unique beginning of it; null where there is no such stream.',
    args: {
      namespace: t.arg.string({
        required: true,
        defaultValue: 'default',
        description: 'Namespace of the stream.',
      }),
      name: t.arg.string({ required: true, description: 'Stream and digest: `ruby@sha256:4f3c`.' }),
    },
    resolve: (_query, { namespace, name }, { streams, tags, images }) => {
      const parts = splitName(name)
      if (!('digest' in parts) || !/^sha(?:256|512):[0-9a-f]{1,128}$/.test(parts.digest)) {
        throw new InvalidInputError(
          'name',
          `"${name}" is not a stream and the beginning of a digest: ruby@sha256:4f3c`,
        )
      }
      checkNamespace(namespace)
      checkStreamName(namespace, parts.stream)
      const stream = streams.byName(namespace, parts.stream)
      if (!stream) return null
      const found = tags.digestsInHistory(stream.id, parts.digest, MAX_CANDIDATES)
      const [only] = found
      if (!only) throw new NotFoundError(`${namespace}/${parts.stream} never had an image ${parts.digest}`)
      if (found.length > 1) {
        throw new ConflictError(
          `"${name}" may mean ${found.map(({ digest }) => digest).join(', ')}: give more of the digest`,
        )
      }
      const image = images.byIds([only.imageId]).get(only.imageId)
      return image ? { stream, image } : null
    },
  }),
)
