import { LRUCache } from 'lru-cache'
import { InvalidInputError, quoted } from '../input/errors.ts'
import type { TagName } from '../oci/tag.ts'
import { type Captures, createPattern, type Pattern } from './pattern.ts'
import type { PolicyFilter } from './policy.ts'

/** Returns the value of a tag to compare, empty when nothing was captured; null when the pattern does not match. */
export type CompiledFilter = (tag: TagName) => string | null

/** Compiles a filter. Throws InvalidInputError, as `createPattern` and `createExtract`. */
export function createFilter(filter: PolicyFilter): CompiledFilter {
  const pattern = createPattern(filter.pattern)
  const extract = filter.extract === null ? firstGroupOf(pattern) : createExtract(filter.extract, pattern)
  const id = ++created
  const compute: CompiledFilter = extract
    ? (tag) => {
        const captures = pattern.search(tag)
        return captures && extract(captures)
      }
    : (tag) => (pattern.matches(tag) ? tag : null)
  return (tag) => {
    const key = `${id} ${tag}`
    const known = results.get(key)
    if (known !== undefined) return known === NO_MATCH ? null : known
    const value = compute(tag)
    results.set(key, value ?? NO_MATCH)
    return value
  }
}

let created = 0
const NO_MATCH = Symbol('no match')
/**
 * Results of all filters. A transaction cannot yield, and applies a filter to all tags of a stream: the results can be
 * computed before it, in parts.
 */
const results = new LRUCache<string, string | typeof NO_MATCH>({ max: 50_000 })

const firstGroupOf = ({ groupCount }: Pattern): Extract | null =>
  groupCount === 0 ? null : ([, first]) => first ?? ''

/** Maximum number of characters of an extract. */
export const MAX_EXTRACT_LENGTH = 255

/** Builds the value to compare from the groups of a match. */
export type Extract = (captures: Captures) => string

type Groups = Pick<Pattern, 'groupCount' | 'namedGroups'>

// "$$", "${name}", "$name", or an invalid "$"
const REFERENCE = /\$(?:(\$)|\{([^{}]*)\}|(\w+))?/g
const FIELD = 'filter.extract'

/**
 * Parses `$1.$2`, `${name}`, and `$$` for a dollar sign, as Go's Expand does: `$1x` refers to the group "1x". A group that
 * did not take part in a match is empty. Throws InvalidInputError for a group that the pattern lacks, and for a template
 * without groups.
 */
export function createExtract(template: string, groups: Groups): Extract {
  if (template.length > MAX_EXTRACT_LENGTH) {
    throw new InvalidInputError(FIELD, `extract has at most ${MAX_EXTRACT_LENGTH} characters`)
  }
  const parts: (string | number)[] = []
  let at = 0
  for (const reference of template.matchAll(REFERENCE)) {
    const [whole, dollar, braced, bare] = reference
    parts.push(template.slice(at, reference.index))
    parts.push(dollar ?? groupNamed(braced ?? bare, groups))
    at = reference.index + whole.length
  }
  parts.push(template.slice(at))
  if (!parts.some((part) => typeof part === 'number')) {
    throw new InvalidInputError(
      FIELD,
      `${quoted(template)} names no group, so all tags would be equal: ${allowed(groups)}`,
    )
  }
  return (captures) =>
    parts.map((part) => (typeof part === 'number' ? (captures[part] ?? '') : part)).join('')
}

function groupNamed(name: string | undefined, groups: Groups): number {
  if (name === undefined) {
    throw new InvalidInputError(
      FIELD,
      `"$" stands before a group, and for itself is "$$": ${allowed(groups)}`,
    )
  }
  const named = Object.hasOwn(groups.namedGroups, name) ? groups.namedGroups[name] : undefined
  const group = /^\d+$/.test(name) ? Number(name) : named
  if (group === undefined || group > groups.groupCount) {
    throw new InvalidInputError(FIELD, `the pattern has no group ${quoted(name)}: ${allowed(groups)}`)
  }
  return group
}

const allowed = ({ groupCount, namedGroups }: Groups): string =>
  [
    'there is $0 for all that matches',
    ...(groupCount > 0 ? [groupCount === 1 ? '$1' : `$1 to $${groupCount}`] : []),
    ...Object.keys(namedGroups).map((name) => `\${${name}}`),
  ].join(', ')
