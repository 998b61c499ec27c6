import { InvalidInputError } from '../../input/errors.ts'

const MAX_GLOB_LENGTH = 255
const GLOB = /^[A-Za-z0-9._*-]+$/

/** Returns the pattern over names or tags; undefined for null and undefined. Throws InvalidInputError. */
export function checkGlob(pattern: string | null | undefined, field: string): string | undefined {
  if (pattern == null) return undefined
  if (pattern.length > MAX_GLOB_LENGTH || !GLOB.test(pattern)) {
    throw new InvalidInputError(
      field,
      `"${pattern.slice(0, 100)}" is not a pattern: at most ${MAX_GLOB_LENGTH} letters, digits, ".", "_", "-", and "*" for any characters`,
    )
  }
  return pattern
}

/** Returns the number. Throws InvalidInputError unless it lies between both limits, which are allowed values. */
export function checkRange(field: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value
  throw new InvalidInputError(field, `"${field}" is ${value}; it must be from ${min} to ${max}`)
}
