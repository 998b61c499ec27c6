import { type ListedTag, tagListKeyOf } from '../../imagestream/stream/tag-list-query.ts'
import type { TagOrder } from '../../imagestream/tag/tag.ts'
import { InvalidInputError, quoted } from '../../input/errors.ts'
import { isGlob } from '../../input/glob.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs } from '../kit/connection-type.ts'
import { countCriteria, describePattern, namespaceFilterArg, searchFilter } from '../kit/search-filter.ts'
import { tagSearchArgs, tagSearchComplexity } from './tag-search.ts'
import { batchTags, ImageStreamTagConnection, ImageStreamTagOrderEnum } from './tags-of-stream.ts'

const cursorsOf = (order: TagOrder) =>
  keyCursors<ListedTag>(
    `imageStreamTags ${order}`,
    (tag) => tagListKeyOf(tag, order),
    order === 'NEWEST_FIRST' ? ['number', 'number'] : ['string', 'string', 'string'],
  )

/** Complexity of one criterion: a scan of the tags of all streams costs about as much as this many fields. */
const SEARCH_COMPLEXITY = 5_000

builder.queryField('imageStreamTags', (t) =>
  t.field({
    type: ImageStreamTagConnection,
    description:
      'Returns the tags of all image streams that match all given filters. By default the image streams come by namespace and name, and of each the most important tags first, as in `ImageStream.tags`.',
    access: 'view',
    example: `
      query ImageStreamTags {
        imageStreamTags(orderBy: NEWEST_FIRST, first: 10) {
          nodes { tag imageStream { namespace name } image { digest } }
          pageInfo { hasNextPage endCursor }
        }
      }`,
    args: {
      ...namespaceFilterArg('tags of image streams'),
      imageStream: t.arg.string({
        description: describePattern(
          'tags of image streams',
          ' `app:1.*` stands for `imageStream: "app"` and `matching: "1.*"`.',
        ),
      }),
      ...tagSearchArgs,
      orderBy: t.arg({
        type: ImageStreamTagOrderEnum,
        description:
          'Sort order of the tags. `NEWEST_FIRST` orders the tags of all image streams together; any other order is that of the tags of each image stream. A cursor is valid only with the order from which it was returned.',
      }),
      ...connectionArgs,
    },
    complexity: (args) => {
      const page = tagSearchComplexity(args)
      const patterns = [args.imageStream, args.matching].filter(
        (pattern) => pattern != null && isGlob(pattern),
      )
      const criteria = countCriteria(args) + patterns.length
      return { ...page, field: page.field + criteria * SEARCH_COMPLEXITY }
    },
    resolve: (_query, { orderBy, artifacts, imageStream, ...args }, { viewer, tagList, work }, info) => {
      const order = orderBy ?? 'IMPORTANCE'
      const named = patternNamed({ name: imageStream, namespace: args.namespace }, 'imageStream')
      if (named.tag !== undefined && args.matching != null && args.matching !== named.tag) {
        throw new InvalidInputError(
          'matching',
          `"imageStream" has the pattern ${quoted(named.tag)} for tags, and "matching" ${quoted(args.matching)}: give one of them`,
        )
      }
      const filter = {
        ...searchFilter({ ...args, matching: args.matching ?? named.tag }),
        ...{ artifacts, namespace: named.namespace, stream: named.stream },
      }
      return connection(args, info, {
        cursors: cursorsOf(order),
        rows: async (page) => {
          const rows = await tagList.page(viewer, { ...filter, order, page }, work.signal)
          batchTags(rows)
          return rows
        },
        totalCount: () => tagList.count(viewer, filter, work.signal),
      })
    },
  }),
)
