import type { Image } from '../../imagestream/image/image.ts'
import { InvalidInputError, quoted } from '../../input/errors.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { type Connection, connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { type AnyImage, ImageType } from '../kit/references.ts'
import { countCriteria, describePattern, namespaceFilterArg, searchFilter } from '../kit/search-filter.ts'
import { enumType } from '../kit/types.ts'
import { ImageKindEnum } from './image.ts'

const ImageConnection = connectionType('Image', ImageType, { items: 'images' })

const ImageOrderEnum = enumType('ImageOrder', {
  description: 'Sort order of images.',
  values: {
    NEWEST_FIRST: 'By the time at which this server first stored the image, the newest first.',
    OLDEST_FIRST: 'By the time at which this server first stored the image, the oldest first.',
  },
})

const CURSORS = {
  NEWEST_FIRST: keyCursors<AnyImage>('images NEWEST_FIRST', ({ id }) => [id]),
  OLDEST_FIRST: keyCursors<AnyImage>('images OLDEST_FIRST', ({ id }) => [id]),
}

/** Complexity of one criterion: a scan of all images costs about as much as this many fields. */
const SEARCH_COMPLEXITY = 5_000

builder.queryField('images', (t) =>
  t.field({
    type: ImageConnection,
    description:
      'Returns the images, indexes and artifacts that the client may see and that match all given filters, the newest first: those in the histories of visible image streams, and in their repositories. The children of an index are images of their own.',
    access: 'view',
    example: `
      query Images {
        images(namespace: "default", platform: "linux/amd64", first: 10) {
          nodes { digest kind size tags(first: 5) { nodes { name } } }
          pageInfo { hasNextPage endCursor }
        }
      }`,
    args: {
      ...namespaceFilterArg('images of the present tags of image streams'),
      imageStream: t.arg.string({
        description: describePattern('images of the present tags of image streams'),
      }),
      digest: t.arg({ type: 'Digest', description: 'Returns only the image with this digest.' }),
      kind: t.arg({
        type: ImageKindEnum,
        description: 'Returns only images of this kind; all kinds if omitted.',
      }),
      mediaType: t.arg.string({
        description:
          'Returns only images whose manifest has this media type, for example `application/vnd.oci.image.index.v1+json`.',
      }),
      artifactType: t.arg.string({
        description:
          'Returns only artifacts of this type, for example `application/vnd.cncf.helm.config.v1+json`.',
      }),
      platform: t.arg.string({
        description:
          'Returns only images that run on this platform, and indexes that list such an image, for example `linux/amd64`. `linux/arm64` matches every variant. `linux/arm64/v8`, `linux/arm/v7` and `linux/amd64/v1` also match images without a variant.',
      }),
      registry: t.arg.string({
        description:
          'Returns only images that an import or push last found in this registry, for example `docker.io`, `quay.io` or `localhost:5000`.',
      }),
      orderBy: t.arg({
        type: ImageOrderEnum,
        required: true,
        defaultValue: 'NEWEST_FIRST',
        description:
          'Sort order of the images; the default is `NEWEST_FIRST`. A cursor is valid only with the order from which it was returned.',
      }),
      ...connectionArgs,
    },
    complexity: (args) => {
      const page = pageComplexity(args)
      const { namespace, imageStream, kind, mediaType, artifactType } = args
      const given = [namespace, imageStream, kind, mediaType, artifactType].filter((one) => one != null)
      return { ...page, field: page.field + (given.length + countCriteria(args)) * SEARCH_COMPLEXITY }
    },
    resolve: (
      _query,
      { orderBy: order, ...args },
      { viewer, imageList, work },
      info,
    ): Connection<AnyImage> => {
      const named = patternNamed({ name: args.imageStream, namespace: args.namespace }, 'imageStream')
      if (named.tag !== undefined) {
        throw new InvalidInputError(
          'imageStream',
          `${quoted(args.imageStream ?? '')} has a tag: leave out ${quoted(`:${named.tag}`)} to name image streams`,
        )
      }
      const { digest, platform, registry } = searchFilter(args)
      const filter = {
        ...{ namespace: named.namespace, stream: named.stream, digest, platform, registry },
        kind: args.kind ?? undefined,
        mediaType: args.mediaType ?? undefined,
        artifactType: args.artifactType ?? undefined,
      }
      return connection<AnyImage>(args, info, {
        cursors: CURSORS[order],
        rows: async (page) =>
          batch<Image>(await imageList.page(viewer, { ...filter, order, page }, work.signal)),
        totalCount: () => imageList.count(viewer, filter, work.signal),
      })
    },
  }),
)
