import { findImageInHistory } from '../../imagestream/stream/follow.ts'
import { imageNamed } from '../../input/qualified-name.ts'
import { isDigest } from '../../oci/digest.ts'
import { builder } from '../kit/builder.ts'
import { streamNamespaceArg } from '../kit/inputs.ts'
import { anyStream } from '../kit/last-specs.ts'
import { NodeInterface, namedNodeId, registerNamedNode } from '../kit/node.ts'
import { ImageStreamImageType, ImageStreamType, ImageType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'

registerNamedNode('ImageStreamImage', {
  load: (streamId, digest, context) => {
    const { tags, images } = context
    const stream = anyStream(streamId, context)
    const [found] = isDigest(digest) ? tags.digestsInHistory(streamId, digest, 1) : []
    const image = found && images.byIds([found.imageId]).get(found.imageId)
    return stream && image && { stream, image }
  },
  access: { streamOf: ({ stream }) => stream },
})

objectType(ImageStreamImageType, {
  description: 'An image in the history of an image stream.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    image: t.one(ImageType, 'The image with the digest.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the image in the history of this image stream.',
      resolve: ({ stream, image }) => namedNodeId('ImageStreamImage', stream.id, image.digest),
    }),
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
      'Returns an image in the history of an image stream by its digest, or by a unique prefix of the digest. Null if the stream does not exist or its history does not contain the image, `CONFLICT` if several images match.',
    access: 'view',
    example: `
      query ImageStreamImage($name: String!) {
        imageStreamImage(name: $name) { image { dockerImageReference size layers { digest size } } }
      }
    `,
    args: {
      ...streamNamespaceArg(),
      name: t.arg.string({
        required: true,
        description:
          'Name of the stream and digest of the image, which may be shortened: `ruby@sha256:4f3c`, or `team/ruby@sha256:4f3c` with the namespace.',
      }),
    },
    resolve: (_query, args, { viewer, streams, tags, images }) => {
      const { namespace, name, digest } = imageNamed(args)
      const stream = streams.byName(viewer, namespace, name)
      if (!stream) return null
      const found = findImageInHistory(tags, stream.id, { namespace, stream: name, digest })
      const image = found && images.byIds([found.imageId]).get(found.imageId)
      return image ? { stream, image } : null
    },
  }),
)
