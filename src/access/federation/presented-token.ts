import { decodeJwt, decodeProtectedHeader } from 'jose'
import { isObject } from '../../oci/json.ts'
import type { Claims } from './refusals.ts'

/** Characters of a token; those of well-known issuers have about two thousand. */
export const MAX_TOKEN_LENGTH = 16 * 1024

/** Why a text is no token of an OpenID issuer. The message contains no part of it. */
export class NoTokenError extends Error {
  override readonly name = 'NoTokenError'
  readonly code = 'INVALID'
}

/** Returns the claims of a token, whose signature is not verified. Throws NoTokenError. */
export function claimsOf(token: string): Claims {
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new NoTokenError(`a token has at most ${MAX_TOKEN_LENGTH} characters`)
  }
  const claims = decoded(token)
  if (!isObject(claims) || typeof claims.iss !== 'string') {
    throw new NoTokenError('this is not a token of an OpenID issuer: a JSON Web Token with the claim iss')
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
