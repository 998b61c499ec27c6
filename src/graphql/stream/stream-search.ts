import type { GraphQLResolveInfo } from 'graphql'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { StreamOrder } from '../../imagestream/stream/stream-criteria.ts'
import { streamKeyOf } from '../../imagestream/stream/stream-search.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { type Connection, type ConnectionArguments, connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { ImageStreamType } from '../kit/references.ts'
import {
  countCriteria,
  describeGlob,
  describePattern,
  ImportFailureFilter,
  namespaceFilterArg,
  type SearchArguments,
  searchFilter,
} from '../kit/search-filter.ts'
import { enumType } from '../kit/types.ts'
import { NamespaceType } from './namespace.ts'

export const ImageStreamConnection = connectionType('ImageStream', ImageStreamType, {
  items: 'image streams',
})

const ImageStreamOrderEnum = enumType('ImageStreamOrder', {
  description: 'Sort order of image streams.',
  values: {
    NAME: 'By namespace, then by name, in byte order.',
    NEWEST_FIRST:
      'By the time at which one of the stream’s tags last got another image, the newest first; streams without images come last.',
  },
})

const CURSORS = {
  NAME: keyCursors<ImageStream>('imageStreams', (stream) => streamKeyOf(stream, 'NAME'), [
    'string',
    'string',
  ]),
  NEWEST_FIRST: keyCursors<ImageStream>(
    'imageStreams NEWEST_FIRST',
    (stream) => streamKeyOf(stream, 'NEWEST_FIRST'),
    ['number', 'number'],
  ),
} satisfies Record<StreamOrder, unknown>

/** Complexity of one criterion: a scan of all streams costs about as much as this many fields. */
const SEARCH_COMPLEXITY = 500

/** Filter arguments of image streams, and their order. */
const streamFilterArgs = builder.args((t) => ({
  labels: t.field({
    type: [KeyValueInput],
    description: 'Returns only image streams that have all of these labels; at most 20.',
  }),
  digest: t.field({
    type: 'Digest',
    description: 'Returns only image streams with a tag that points to the image or index with this digest.',
  }),
  registry: t.string({
    description:
      'Returns only image streams whose repository, or the source of a spec tag, is in this registry, for example `docker.io`, `quay.io` or `localhost:5000`.',
  }),
  failing: t.field({
    type: ImportFailureFilter,
    description:
      'Returns only image streams whose last import failed for the whole repository or for a tag: the stream or the tag has the condition `IMPORT_SUCCESS` with status `NOT_MET`. `{}` matches any reason.',
  }),
  platform: t.string({
    description:
      'Returns only image streams with a tag whose image, or an image of its index, runs on this platform, for example `linux/amd64`. `linux/arm64` matches every variant. `linux/arm64/v8`, `linux/arm/v7` and `linux/amd64/v1` also match images without a variant.',
  }),
  notCheckedSince: t.field({
    type: 'DateTime',
    description:
      'Returns only image streams whose `checkedAt` is before this time, or null: no import succeeded for all of its tags since then.',
  }),
  unchangedSince: t.field({
    type: 'DateTime',
    description:
      'Returns only image streams of which no tag got another image since this time, including streams without images.',
  }),
  orderBy: t.field({
    type: ImageStreamOrderEnum,
    required: true,
    defaultValue: 'NAME',
    description:
      'Sort order of the image streams; the default is `NAME`. A cursor is valid only with the order from which it was returned.',
  }),
}))

type StreamSearchArguments = SearchArguments &
  ConnectionArguments & {
    readonly namespace?: string | null | undefined
    readonly notCheckedSince?: number | null | undefined
    readonly orderBy: StreamOrder
  }

const streamSearchComplexity = (args: Omit<StreamSearchArguments, 'orderBy'>) => {
  const page = pageComplexity(args)
  const criteria = countCriteria(args) + (args.notCheckedSince == null ? 0 : 1)
  return { ...page, field: page.field + criteria * SEARCH_COMPLEXITY }
}

/** Returns the page of image streams that the arguments select. Throws InvalidInputError. */
function streamsFound(
  { notCheckedSince, orderBy: order, ...args }: StreamSearchArguments,
  { viewer, streams, work }: GraphQLContext,
  info: GraphQLResolveInfo,
): Connection<ImageStream> {
  const named = patternNamed({ ...args, name: args.matching }, 'matching')
  const filter = {
    ...searchFilter({ ...args, matching: named.stream }),
    namespace: named.namespace,
    notCheckedSince: notCheckedSince ?? undefined,
  }
  return connection(args, info, {
    cursors: CURSORS[order],
    rows: async (page) => batch(await streams.page(viewer, { ...filter, order, page }, work.signal)),
    totalCount: () => streams.count(viewer, filter, work.signal),
  })
}

builder.queryField('imageStreams', (t) =>
  t.field({
    type: ImageStreamConnection,
    description:
      'Returns the image streams that match all given filters, by default ordered by namespace and name.',
    access: 'view',
    example: `
      # Streams by name, the newest first, each with some of its tags.
      query ImageStreams {
        imageStreams(matching: "ru*", orderBy: NEWEST_FIRST, first: 20) {
          nodes { namespace name checkedAt tags(first: 3) { totalCount nodes { tag image { digest } } } }
          pageInfo { hasNextPage endCursor }
        }
      }
    `,
    args: {
      ...namespaceFilterArg('image streams'),
      matching: t.arg.string({ description: describePattern('image streams') }),
      ...streamFilterArgs,
      ...connectionArgs,
    },
    complexity: streamSearchComplexity,
    resolve: (_query, args, context, info) => streamsFound(args, context, info),
  }),
)

builder.objectField(NamespaceType, 'imageStreams', (t) =>
  t.field({
    type: ImageStreamConnection,
    description: 'Image streams of the namespace that match all given filters, by default ordered by name.',
    args: {
      matching: t.arg.string({ description: describeGlob('image streams') }),
      ...streamFilterArgs,
      ...connectionArgs,
    },
    complexity: streamSearchComplexity,
    resolve: ({ name: namespace }, args, context, info) =>
      streamsFound({ ...args, namespace }, context, info),
  }),
)
