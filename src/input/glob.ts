import { InvalidInputError, quoted } from './errors.ts'

export const MAX_GLOB_LENGTH = 255
const GLOB = /^[A-Za-z0-9._/*-]+$/

/** Returns the pattern over names or tags; undefined for null and undefined. Throws InvalidInputError. */
export function checkGlob(pattern: string | null | undefined, field: string): string | undefined {
  if (pattern == null) return undefined
  if (pattern.length > MAX_GLOB_LENGTH || !GLOB.test(pattern)) {
    throw new InvalidInputError(
      field,
      `${quoted(pattern)} is not a pattern: at most ${MAX_GLOB_LENGTH} letters, digits, ".", "_", "-", "/", and "*" for any characters`,
    )
  }
  return pattern
}

/** Reports whether the pattern can match several texts. */
export const isGlob = (pattern: string): boolean => pattern.includes('*')

/**
 * Reports whether the whole text matches a pattern, in which `*` stands for zero or more characters, slashes included. Each part
 * between two stars is searched once, at its first place: users choose the pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*')
  if (star < 0) return pattern === text
  const lastStar = pattern.lastIndexOf('*')
  const end = text.length - (pattern.length - lastStar - 1)
  if (end < star || !text.startsWith(pattern.slice(0, star))) return false
  if (!text.endsWith(pattern.slice(lastStar + 1))) return false
  let at = star
  for (const part of pattern.slice(star, lastStar).split('*')) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= end
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
