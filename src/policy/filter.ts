import type { TagName } from '../oci/tag.ts'
import { createExtract, type Extract } from './extract.ts'
import { createPattern, type Pattern } from './pattern.ts'
import type { PolicyFilter } from './policy.ts'

/** Returns the value of a tag to compare, empty when nothing was captured; null when the pattern does not match. */
export type CompiledFilter = (tag: TagName) => string | null

/** Compiles a filter. Throws InvalidInputError, as `createPattern` and `createExtract`. */
export function createFilter(filter: PolicyFilter): CompiledFilter {
  const pattern = createPattern(filter.pattern)
  const extract = filter.extract === null ? firstGroupOf(pattern) : createExtract(filter.extract, pattern)
  return (tag) => {
    const captures = pattern.search(tag)
    return captures && (extract ? extract(captures) : tag)
  }
}

const firstGroupOf = ({ groupCount }: Pattern): Extract | null =>
  groupCount === 0 ? null : ([, first]) => first ?? ''
