import { RE2JS, RE2JSException } from 're2js'
import { InvalidInputError } from '../../input/errors.ts'
import { instructionsAtMost } from '../../policy/pattern.ts'
import type { TextMatch } from './requirement.ts'

const MAX_LENGTH = 1000
/** Most instructions that a pattern may compile to. */
const MAX_INSTRUCTIONS = 20_000

/** Returns the match from input with exactly one of the two fields. Throws InvalidInputError. */
export function parseTextMatch(
  {
    exact,
    pattern,
  }: { readonly exact?: string | null | undefined; readonly pattern?: string | null | undefined },
  field: string,
): TextMatch {
  const patternField = `${field}Pattern`
  if ((exact == null) === (pattern == null)) {
    throw new InvalidInputError(field, `set either ${field} or ${patternField}`)
  }
  const text = exact ?? pattern ?? ''
  const given = exact == null ? patternField : field
  if (text === '' || text.length > MAX_LENGTH) {
    throw new InvalidInputError(given, `${given} must have 1 to ${MAX_LENGTH} characters`)
  }
  if (exact != null) return { exact }
  if (instructionsAtMost(text) > MAX_INSTRUCTIONS) {
    throw new InvalidInputError(given, `${given} has too many repetitions: "{n}" counts n times`)
  }
  try {
    RE2JS.compile(text)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    throw new InvalidInputError(
      given,
      `${given} is not a regular expression in RE2's syntax, which has no lookaround or backreferences: ${cause.message}`,
      { cause },
    )
  }
  return { pattern: text }
}

/** Reports whether the whole text matches. */
export const matchesText = (match: TextMatch, text: string): boolean =>
  'exact' in match ? match.exact === text : RE2JS.compile(match.pattern).matches(text)
