/** Why a person could not sign in: the provider is unavailable, refused, or responded as it may not; or the link is outdated. */
export type SignInProblem = 'unavailable' | 'refused' | 'invalid' | 'outdated'

/** A person could not sign in. The message is for that person, the cause for the log. */
export class SignInError extends Error {
  override readonly name = 'SignInError'
  readonly code = 'UNAUTHENTICATED'
  readonly problem: SignInProblem

  constructor(problem: SignInProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
