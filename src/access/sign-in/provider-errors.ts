import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { EgressError } from '../../egress/errors.ts'
import { quoted } from '../../input/errors.ts'
import { SignInError } from './errors.ts'

/** Returns the error of a provider whose configuration cannot be read. */
export function discoveryError(error: unknown): SignInError {
  const why = egressCause(error)?.message ?? 'its discovery document is not valid'
  return new SignInError('unavailable', `the sign-in provider is unavailable: ${why}`, { cause: error })
}

/** Returns the error of a callback that did not end in a sign-in. */
export function callbackError(error: unknown): SignInError {
  if (error instanceof SignInError) return error
  const because = (problem: SignInError['problem'], message: string) =>
    new SignInError(problem, message, { cause: error })
  if (error instanceof AuthorizationResponseError) {
    return because('refused', `the sign-in provider refused: ${described(error)}`)
  }
  if (error instanceof ResponseBodyError) {
    return error.error === 'invalid_client' || error.error === 'unauthorized_client'
      ? because('unavailable', 'the sign-in provider does not accept the client id and secret of this server')
      : because('refused', `the sign-in provider does not accept this sign-in: ${described(error)}`)
  }
  const egress = egressCause(error)
  if (egress) return because('unavailable', `the sign-in provider is unavailable: ${egress.message}`)
  const code = error instanceof ClientError ? error.code : undefined
  if (code === 'OAUTH_TIMEOUT') return because('unavailable', 'the sign-in provider did not respond in time')
  return because('invalid', 'the response of the sign-in provider is not valid for this sign-in')
}

const described = ({
  error,
  error_description,
}: Pick<ResponseBodyError, 'error' | 'error_description'>): string =>
  error_description === undefined ? quoted(error) : `${quoted(error)}, ${quoted(error_description)}`

/** Most errors that are followed from an error to its causes. */
const MAX_CAUSES = 5

function egressCause(error: unknown): EgressError | undefined {
  let cause = error
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth += 1) {
    if (cause instanceof EgressError) return cause
    cause = cause.cause
  }
  return undefined
}
