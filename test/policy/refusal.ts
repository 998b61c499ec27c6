import { InvalidInputError } from '../../src/input/errors.ts'

/** Returns the error that the call throws. */
export function refusal(attempt: () => unknown): InvalidInputError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof InvalidInputError) return error
    throw error
  }
  throw new Error('it was not refused')
}
