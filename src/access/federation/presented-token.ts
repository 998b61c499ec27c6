import { decodeJwt, decodeProtectedHeader } from 'jose'
import { InvalidInputError } from '../../input/errors.ts'
import { isObject } from '../../oci/json.ts'
import type { Claims } from './refusals.ts'

/** Characters of a token; those of well-known issuers have about two thousand. */
export const MAX_TOKEN_LENGTH = 16 * 1024

/** Returns the claims of a token, whose signature is not verified. Throws InvalidInputError, whose message has no part of the text. */
export function claimsOf(token: string): Claims {
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new InvalidInputError('token', `a token has at most ${MAX_TOKEN_LENGTH} characters`)
  }
  const claims = decoded(token)
  if (!isObject(claims) || typeof claims.iss !== 'string') {
    throw new InvalidInputError(
      'token',
      'this is not a token of an OpenID issuer: a JSON Web Token with the claim iss',
    )
  }
  return claims
}

function decoded(token: string): unknown {
  try {
    decodeProtectedHeader(token)
    return decodeJwt(token)
  } catch {
    // the error of the library may quote the text
    return undefined
  }
}
