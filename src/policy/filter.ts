import type { TagName } from '../oci/tag.ts'
import { createExtract, type Extract } from './extract.ts'
import { createPattern, type Pattern } from './pattern.ts'
import type { TagFilter } from './policy.ts'

/** What is compared of a tag, empty where nothing was captured; null where the pattern is not found in the name. */
export type CompiledFilter = (tag: TagName) => string | null

/** Throws InvalidPolicyError: what `createPattern` and `createExtract` refuse. */
export function createFilter(filter: TagFilter): CompiledFilter {
  const pattern = createPattern(filter.pattern)
  const extract = filter.extract === null ? firstGroupOf(pattern) : createExtract(filter.extract, pattern)
  return (tag) => {
    const captures = pattern.search(tag)
    return captures && (extract ? extract(captures) : tag)
  }
}

const firstGroupOf = ({ groupCount }: Pattern): Extract | null =>
  groupCount === 0 ? null : ([, first]) => first ?? ''
