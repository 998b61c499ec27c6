import { InvalidInputError } from '../../input/errors.ts'

const MAX_GLOB_LENGTH = 255
const GLOB = /^[A-Za-z0-9._*-]+$/

/** A pattern over names and tags, or undefined where none is given. Throws InvalidInputError. */
export function checkGlob(pattern: string | null | undefined, field: string): string | undefined {
  if (pattern == null) return undefined
  if (pattern.length > MAX_GLOB_LENGTH || !GLOB.test(pattern)) {
    throw new InvalidInputError(
      field,
      `"${pattern.slice(0, 100)}" is no pattern: at most ${MAX_GLOB_LENGTH} letters, digits, ".", "_", "-", and "*" for any characters`,
    )
  }
  return pattern
}
