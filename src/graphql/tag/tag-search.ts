import { builder } from '../kit/builder.ts'
import type { ConnectionArguments } from '../kit/connection.ts'
import { pageComplexity } from '../kit/connection-type.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { countCriteria, ImportFailureFilter, type SearchArguments } from '../kit/search-filter.ts'

/** Filter arguments of tags. */
export const tagSearchArgs = builder.args((t) => ({
  matching: t.string({
    description:
      'Returns only tags whose name matches this pattern; `*` matches any characters. At most 255 characters.',
  }),
  digest: t.field({
    type: 'Digest',
    description: 'Returns only tags that point to the image or index with this digest.',
  }),
  registry: t.string({
    description:
      'Returns only tags whose recorded pull spec is in this registry, for example `docker.io`, `quay.io` or `localhost:5000`.',
  }),
  failing: t.field({
    type: ImportFailureFilter,
    description: 'Returns only tags whose last import failed; `{}` matches any reason.',
  }),
  platform: t.string({
    description:
      'Returns only tags whose image, or an image of their index, runs on this platform, for example `linux/amd64`. `linux/arm64` matches every variant. `linux/arm64/v8`, `linux/arm/v7` and `linux/amd64/v1` also match images without a variant.',
  }),
  unchangedSince: t.field({
    type: 'DateTime',
    description:
      'Returns only tags that got no other image since this time, including tags without an image.',
  }),
  artifacts: t.boolean({
    required: true,
    defaultValue: false,
    description:
      'Whether to include tags that point to artifacts, such as Helm charts and build caches, and tags like `sha256-….sig`, which hold signatures of other images; the default is false.',
  }),
  labels: t.field({
    type: [KeyValueInput],
    description:
      'Returns only tags whose image config has all of these labels; at most 20. An index has no config and does not match.',
  }),
}))

/** Complexity of one criterion: a scan of a stream's tags costs about as much as this many fields. */
const SEARCH_COMPLEXITY = 20

/** Returns the complexity of a page of filtered tags. */
export const tagSearchComplexity = (args: ConnectionArguments & SearchArguments) => {
  const page = pageComplexity(args)
  return { ...page, field: page.field + countCriteria(args) * SEARCH_COMPLEXITY }
}
