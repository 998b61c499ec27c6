import { InvalidInputError } from './errors.ts'

const MAX_GLOB_LENGTH = 255
const GLOB = /^[A-Za-z0-9._/*-]+$/

/** Returns the pattern over names or tags; undefined for null and undefined. Throws InvalidInputError. */
export function checkGlob(pattern: string | null | undefined, field: string): string | undefined {
  if (pattern == null) return undefined
  if (pattern.length > MAX_GLOB_LENGTH || !GLOB.test(pattern)) {
    throw new InvalidInputError(
      field,
      `"${pattern.slice(0, 100)}" is not a pattern: at most ${MAX_GLOB_LENGTH} letters, digits, ".", "_", "-", "/", and "*" for any characters`,
    )
  }
  return pattern
}

/** Reports whether the pattern can match several texts. */
export const isGlob = (pattern: string): boolean => pattern.includes('*')

/**
 * Reports whether the whole text matches a pattern, in which `*` stands for zero or more characters, slashes included. Takes at most
 * pattern × text steps, because users choose the pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let star = -1
  let resumeAt = 0
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      star = p++
      resumeAt = t
    } else if (pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      // the last star matches one more character
      p = star + 1
      t = ++resumeAt
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

const LAST_CHARACTER = '\x7f'

/**
 * Returns the range, in byte order and without its end, of all texts that begin like the pattern before its first `*`;
 * undefined for a pattern that begins with `*`. Names and tags are printable ASCII.
 */
export function literalRange(pattern: string): readonly [from: string, to: string] | undefined {
  const literal = pattern.split('*', 1)[0] ?? ''
  return literal === '' ? undefined : [literal, literal + LAST_CHARACTER]
}
