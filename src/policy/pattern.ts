import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js'
import { InvalidInputError, quoted } from '../input/errors.ts'

/** Maximum number of characters of a pattern. */
export const MAX_PATTERN_LENGTH = 1000
/**
 * Maximum number of instructions of a compiled pattern. A search takes at most instructions × characters steps, so this
 * bounds the time to search ten thousand tags.
 */
export const MAX_PATTERN_INSTRUCTIONS = 100

// compiling takes time and memory proportional to the program's size: a pattern that may be far too large is refused first
const MAX_ESTIMATE = 20_000
const FIELD = 'filter.pattern'

/** A compiled pattern. */
export type Pattern = ReturnType<typeof createPattern>

/** Text of each group by its number: 0 is the whole match; null for a group that did not take part. */
export type Captures = readonly (string | null)[]

/** Compiles a pattern in RE2's syntax, which is searched in linear time. Throws InvalidInputError: invalid or too large. */
export function createPattern(pattern: string) {
  const compiled = compilePattern(pattern)
  const re2 = compiled.re2()
  const groupCount = compiled.groupCount()
  return {
    /** Number of capturing groups. */
    groupCount,
    /** Numbers of the named groups. */
    namedGroups: compiled.namedGroups() as Readonly<Record<string, number>>,
    /** Reports whether it matches anywhere, in a fraction of the time of `search`. */
    matches: (text: string): boolean => re2.match(text),
    /** Returns the groups of the first match; null when nothing matches. */
    search(text: string): Captures | null {
      // most names do not match, and only the groups of a match take long to find
      if (!re2.match(text)) return null
      // a Matcher would search twice to find the groups
      const [isFound, bounds] = re2.matchWithGroup(text, 0, text.length, UNANCHORED, 1 + groupCount)
      return isFound ? capturesOf(text, bounds) : null
    },
  }
}

const UNANCHORED = 0

/** Returns the groups from pairs of start and end, both -1 for a group that did not take part. */
function capturesOf(text: string, bounds: readonly number[]): Captures {
  const captures: (string | null)[] = []
  for (let at = 0; at < bounds.length; at += 2) {
    const begin = bounds[at] ?? -1
    captures.push(begin < 0 ? null : text.slice(begin, bounds[at + 1]))
  }
  return captures
}

/** Compiles a pattern for other uses. Throws InvalidInputError, as `createPattern`. */
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

// "\E" ends a quotation, and can occur between a group and its repetition
const REPETITION = /(\)|\\E)?\{(\d+)(?:,(\d*))?\}/g

/**
 * Returns an upper bound of the instructions to which the pattern can compile, without parsing it: multiplies the
 * repetitions of groups as if they were nested, and counts literal braces too.
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
