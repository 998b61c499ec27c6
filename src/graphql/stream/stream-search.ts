import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { type StreamOrder, streamKeyOf } from '../../imagestream/stream/stream-search.ts'
import { checkNamespace } from '../../input/names.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { ImageStreamType } from '../kit/object-types.ts'
import { countCriteria, ImportFailureFilter, searchFilter } from '../kit/search-filter.ts'

const ImageStreamConnection = connectionType('ImageStream', ImageStreamType, { items: 'image streams' })

const ImageStreamOrderEnum = builder.enumType('ImageStreamOrder', {
  description: 'An order of image streams.',
  values: {
    NAME: { description: 'By namespace, then by name, in byte order.' },
    NEWEST_FIRST: {
      description:
        'The stream of which a tag got another image last comes first; those without images come last.',
    },
  } as const,
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

/** Looking through all streams costs about as much as reading so many of their fields. */
const SEARCH_COMPLEXITY = 500

builder.queryField('imageStreams', (t) =>
  t.field({
    type: ImageStreamConnection,
    description: 'Image streams, all or those that are looked for, by namespace and name unless said.',
    args: {
      namespace: t.arg.string({ description: 'Only of this namespace.' }),
      matching: t.arg.string({
        description: 'Only those whose name matches; `*` stands for any characters.',
      }),
      labels: t.arg({
        type: [KeyValueInput],
        description: 'Only those that have all of these labels, at most 20.',
      }),
      digest: t.arg({
        type: 'Digest',
        description: 'Only those of which a tag means the image of this digest now, or the index.',
      }),
      registry: t.arg.string({
        description:
          'Only those of which the repository, or a tag of the spec, comes from this registry: `docker.io`, `quay.io`, `localhost:5000`.',
      }),
      failing: t.arg({
        type: ImportFailureFilter,
        description:
          'Only those of which a tag could not be imported when that was last tried: `{}` for any reason.',
      }),
      platform: t.arg.string({
        description:
          'Only those of which a tag’s image runs on this platform, or an image of its index: `linux/amd64`. `linux/arm64` finds `linux/arm64/v8` as well.',
      }),
      notCheckedSince: t.arg({
        type: 'DateTime',
        description:
          'Only those of which no import brought in, or found unchanged, all that it was asked for since then; also those that were never imported.',
      }),
      unchangedSince: t.arg({
        type: 'DateTime',
        description: 'Only those of which no tag got another image since then, or ever had one.',
      }),
      orderBy: t.arg({
        type: ImageStreamOrderEnum,
        required: true,
        defaultValue: 'NAME',
        description: 'In which order; a cursor belongs to its order.',
      }),
      ...connectionArgs,
    },
    complexity: (args) => {
      const page = pageComplexity(args)
      const criteria = countCriteria(args) + (args.notCheckedSince == null ? 0 : 1)
      return { ...page, field: page.field + criteria * SEARCH_COMPLEXITY }
    },
    resolve: (_query, { namespace, notCheckedSince, orderBy: order, ...args }, { streams }, info) => {
      if (namespace != null) checkNamespace(namespace)
      const filter = {
        ...searchFilter(args),
        namespace: namespace ?? undefined,
        notCheckedSince: notCheckedSince ?? undefined,
      }
      const cursors = CURSORS[order]
      const page = pageOf(args, cursors, info)
      return new Connection({
        page,
        cursors,
        rows: () => batch(streams.page({ ...filter, order, page })),
        totalCount: () => streams.count(filter),
      })
    },
  }),
)
