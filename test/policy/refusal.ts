import { InvalidPolicyError } from '../../src/policy/invalid-policy.ts'

/** What an attempt is refused with. */
export function refusal(attempt: () => unknown): InvalidPolicyError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof InvalidPolicyError) return error
    throw error
  }
  throw new Error('it was not refused')
}
