import { imageInHistory } from '../../imagestream/stream/follow.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, namespaceOf, splitName } from '../../input/names.ts'
import { builder } from '../kit/builder.ts'
import { streamNamespaceArg } from '../kit/inputs.ts'
import { ImageStreamImageType, ImageStreamType, ImageType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'

objectType(ImageStreamImageType, {
  description: 'An image in the history of an image stream.',
  properties: (t) => ({
    image: t.one(ImageType, 'The image with the digest.'),
  }),
  fields: (t) => ({
    name: t.string({
      description: 'Name of the stream and digest of the image, as `ruby@sha256:…`.',
      resolve: ({ stream, image }) => `${stream.name}@${image.digest}`,
    }),
    imageStream: t.expose('stream', {
      type: ImageStreamType,
      description: 'Image stream whose history contains the image.',
    }),
  }),
})

builder.queryField('imageStreamImage', (t) =>
  t.field({
    type: ImageStreamImageType,
    nullable: true,
    description:
      'Returns an image in the history of an image stream by its digest, or by a unique prefix of the digest. Null if the stream does not exist, `NOT_FOUND` if its history does not contain the image, `CONFLICT` if several images match.',
    args: {
      ...streamNamespaceArg(),
      name: t.arg.string({
        required: true,
        description:
          'Name of the stream and digest of the image, which may be shortened: `ruby@sha256:4f3c`.',
      }),
    },
    resolve: (_query, { namespace: given, name }, { streams, tags, images }) => {
      const parts = splitName(name)
      if (!('digest' in parts) || !/^sha(?:256|512):[0-9a-f]{1,128}$/.test(parts.digest)) {
        throw new InvalidInputError(
          'name',
          `"${name}" is not a stream with a digest or its prefix: for example ruby@sha256:4f3c`,
        )
      }
      const namespace = namespaceOf(given, name)
      checkNamespace(namespace)
      checkStreamName(namespace, parts.stream)
      const stream = streams.byName(namespace, parts.stream)
      if (!stream) return null
      const { imageId } = imageInHistory(tags, stream.id, { namespace, ...parts })
      const image = images.byIds([imageId]).get(imageId)
      return image ? { stream, image } : null
    },
  }),
)
