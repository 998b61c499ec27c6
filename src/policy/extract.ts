import { InvalidInputError } from '../input/errors.ts'
import { quoted } from '../input/quoted.ts'
import type { Captures, Pattern } from './pattern.ts'

/** Characters of an extract. */
export const MAX_EXTRACT_LENGTH = 255

/** What is compared, of what a match captured. */
export type Extract = (captures: Captures) => string

type Groups = Pick<Pattern, 'groupCount' | 'namedGroups'>

// "$$", "${name}", "$name", or a "$" that means none of these
const REFERENCE = /\$(?:(\$)|\{([^{}]*)\}|(\w+))?/g
const FIELD = 'filter.extract'

/**
 * Reads `$1.$2`, `${name}`, `$$` for a dollar sign, as Go's Expand: `$1x` names the group "1x". A group that took no part
 * in a match is empty. Throws InvalidInputError: a group that the pattern does not have, or none at all.
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
  const group = /^\d+$/.test(name)
    ? Number(name)
    : Object.hasOwn(groups.namedGroups, name)
      ? groups.namedGroups[name]
      : undefined
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
