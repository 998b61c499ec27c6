import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js'
import { InvalidInputError } from '../input/errors.ts'
import { quoted } from '../input/quoted.ts'

/** Characters of a pattern. */
export const MAX_PATTERN_LENGTH = 1000
/**
 * Instructions of a compiled pattern. To search a tag takes at most as many steps as instructions times characters, so
 * this is what bounds a search of ten thousand tags, whatever the pattern.
 */
export const MAX_PATTERN_INSTRUCTIONS = 100

// compiling takes time and memory by the program's size: what could become far too large is not compiled to find out
const MAX_ESTIMATE = 20_000
const FIELD = 'filter.pattern'

/** A compiled pattern. */
export interface Pattern {
  /** Groups that capture. */
  readonly groupCount: number
  /** The numbers of those with a name. */
  readonly namedGroups: Readonly<Record<string, number>>
  /** What the first match captures; null where there is none. */
  search(text: string): Captures | null
}

/** By the number of the group: 0 is all that matches, null a group that took no part. */
export type Captures = readonly (string | null)[]

/** Compiles in RE2's syntax, which searches in linear time. Throws InvalidInputError: not a pattern, or too large. */
export function createPattern(pattern: string): Pattern {
  const compiled = compilePattern(pattern)
  const re2 = compiled.re2()
  const groupCount = compiled.groupCount()
  return {
    groupCount,
    namedGroups: compiled.namedGroups(),
    search(text) {
      // a matcher would search once more to know the groups
      const [isFound, bounds] = re2.matchWithGroup(text, 0, text.length, UNANCHORED, 1 + groupCount)
      return isFound ? capturesOf(text, bounds) : null
    },
  }
}

const UNANCHORED = 0

/** By pairs of where a group begins and ends, both -1 where it took no part. */
function capturesOf(text: string, bounds: readonly number[]): Captures {
  const captures: (string | null)[] = []
  for (let at = 0; at < bounds.length; at += 2) {
    const begin = bounds[at] ?? -1
    captures.push(begin < 0 ? null : text.slice(begin, bounds[at + 1]))
  }
  return captures
}

/** Throws InvalidInputError, as `createPattern`. */
export function compilePattern(pattern: string): RE2JS {
  if (pattern === '')
    throw new InvalidInputError(FIELD, 'a pattern is not empty; leave filter out for all tags')
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new InvalidInputError(FIELD, `a pattern has at most ${MAX_PATTERN_LENGTH} characters`)
  }
  if (instructionsAtMost(pattern) > MAX_ESTIMATE) throw tooLarge()
  const compiled = compile(pattern)
  if (compiled.programSize() > MAX_PATTERN_INSTRUCTIONS) throw tooLarge()
  return compiled
}

const tooLarge = (): InvalidInputError =>
  new InvalidInputError(
    FIELD,
    `the pattern compiles to more than ${MAX_PATTERN_INSTRUCTIONS} instructions: ` +
      'it repeats too much ("{n}" counts n times), or is too long',
  )

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    const what = cause instanceof RE2JSSyntaxException ? cause.getDescription() : cause.message
    throw new InvalidInputError(
      FIELD,
      `${quoted(pattern)} is not a regular expression in RE2's syntax, which has no lookaround or backreferences: ${what}`,
      { cause },
    )
  }
}

// "\E" closes a quotation, and may stand between a group and its repetition
const REPETITION = /(\)|\\E)?\{(\d+)(?:,(\d*))?\}/g

/**
 * At least as many instructions as the pattern can compile to, without parsing it: repetitions of groups are multiplied
 * as if each was inside the next, and braces that are only text count too.
 */
export function instructionsAtMost(pattern: string): number {
  let single = pattern.length
  let ofGroups = 1
  for (const [, group, least, most] of pattern.matchAll(REPETITION)) {
    const times = Math.max(Number(least), Number(most ?? 0), 1)
    if (group) ofGroups *= times
    else single += times
  }
  return 2 * (single + 1) * ofGroups
}
