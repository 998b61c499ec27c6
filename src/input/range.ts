import { InvalidInputError } from './errors.ts'

/** Returns the number. Throws InvalidInputError unless it lies between both limits, which are allowed values. */
export function checkRange(field: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value
  throw new InvalidInputError(field, `"${field}" is ${value}; it must be from ${min} to ${max}`)
}
