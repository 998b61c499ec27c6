import { builder } from '../kit/builder.ts'
import type { ConnectionArguments } from '../kit/connection.ts'
import { pageComplexity } from '../kit/connection-type.ts'
import { KeyValueInput } from '../kit/key-value.ts'
import { countCriteria, ImportFailureFilter, type SearchArguments } from '../kit/search-filter.ts'

/** Arguments by which tags are found. */
export const tagSearchArgs = builder.args((t) => ({
  matching: t.string({ description: 'Only tags whose name matches; `*` stands for any characters.' }),
  digest: t.field({
    type: 'Digest',
    description: 'Only tags that mean the image of this digest now, or the index.',
  }),
  registry: t.string({
    description:
      'Only tags whose pull spec, as it was recorded, is this registry’s now: `docker.io`, `quay.io`, `localhost:5000`.',
  }),
  failing: t.field({
    type: ImportFailureFilter,
    description: 'Only tags that could not be imported when that was last tried: `{}` for any reason.',
  }),
  platform: t.string({
    description:
      'Only tags whose image runs on this platform, or an image of their index: `linux/amd64`. `linux/arm64` finds `linux/arm64/v8` as well.',
  }),
  unchangedSince: t.field({
    type: 'DateTime',
    description: 'Only tags that got no other image since then, or never had one.',
  }),
  labels: t.field({
    type: [KeyValueInput],
    description:
      'Only tags whose image’s config has all of these labels, at most 20. An index has no config, and so no labels.',
  }),
}))

/** Looking through the tags of a stream costs about as much as reading so many of their fields. */
const SEARCH_COMPLEXITY = 20

/** What a page of the tags that are found costs. */
export const tagSearchComplexity = (args: ConnectionArguments & SearchArguments) => {
  const page = pageComplexity(args)
  return { ...page, field: page.field + countCriteria(args) * SEARCH_COMPLEXITY }
}
