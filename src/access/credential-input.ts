import { isRegistryPrefix, type RegistryPrefix, type Secret, splitPrefix } from '../oci/registry-login.ts'
import { isNamespace, NAMESPACE_GRAMMAR } from '../oci/stream-name.ts'
import { InvalidCredentialError } from './errors.ts'

/** A secret as it is given: exactly one of password and tokens; null and undefined mean that nothing is said. */
export interface SecretInput {
  readonly username?: string | null | undefined
  readonly password?: string | null | undefined
  readonly identityToken?: string | null | undefined
  readonly bearerToken?: string | null | undefined
}

/** Characters of a password or token: a service account's key in JSON is a tenth of it. */
export const MAX_SECRET_LENGTH = 16 * 1024
const MAX_USERNAME_LENGTH = 256
const SECRETS = ['password', 'identityToken', 'bearerToken'] as const

// no message says what was given: it may be a password in the wrong place

/** Throws InvalidCredentialError. */
export function checkNamespace(namespace: string): void {
  if (!isNamespace(namespace)) {
    throw new InvalidCredentialError('namespace', `that is not a namespace: ${NAMESPACE_GRAMMAR}`)
  }
}

/** Reads `quay.io`, `quay.io/team` or `https://index.docker.io/v1/`. Throws InvalidCredentialError. */
export function parsePrefix(text: string): RegistryPrefix {
  const prefix = splitPrefix(text)
  if (isRegistryPrefix(prefix)) return prefix
  throw new InvalidCredentialError(
    'prefix',
    'prefix must be a registry, or a registry and a path: quay.io, localhost:5000, quay.io/team or docker.io/team',
  )
}

/** Throws InvalidCredentialError. */
export function parseSecret(input: SecretInput): Secret {
  const given = SECRETS.filter((field) => input[field] != null)
  const [field] = given
  if (field === undefined || given.length > 1) {
    throw new InvalidCredentialError(given[1] ?? 'password', `give one of ${SECRETS.join(', ')}`)
  }
  const username = input.username ?? ''
  const value = input[field] ?? ''
  const secret: Secret =
    field === 'password'
      ? { kind: 'password', username, password: value }
      : field === 'identityToken'
        ? { kind: 'identity', username, token: value }
        : { kind: 'registry', token: value }
  if (field === 'bearerToken' && username !== '') {
    throw new InvalidCredentialError(
      'username',
      'a bearerToken is sent as it is: there is no username with it',
    )
  }
  return checkSecret(secret)
}

/** The secret, if it is one that can be sent. Throws InvalidCredentialError. */
export function checkSecret(secret: Secret): Secret {
  if (secret.kind !== 'registry') checkUsername(secret.username, secret.kind === 'password')
  const [field, value] =
    secret.kind === 'password'
      ? (['password', secret.password] as const)
      : ([secret.kind === 'identity' ? 'identityToken' : 'bearerToken', secret.token] as const)
  if (value === '' || value.length > MAX_SECRET_LENGTH) {
    throw new InvalidCredentialError(field, `${field} must have 1 to ${MAX_SECRET_LENGTH} characters`)
  }
  // a token is part of a header: what else stood there could add one of its own
  if (secret.kind !== 'password' && !/^[\x21-\x7e]+$/.test(value)) {
    throw new InvalidCredentialError(field, `${field} must be of letters, digits and signs, without spaces`)
  }
  return secret
}

function checkUsername(username: string, isNeeded: boolean): void {
  if (isNeeded && username === '') {
    throw new InvalidCredentialError('username', 'a password needs a username')
  }
  // RFC 7617 §2: a colon ends the name
  if (username.length > MAX_USERNAME_LENGTH || /[:\p{Cc}]/u.test(username)) {
    throw new InvalidCredentialError(
      'username',
      `username must have at most ${MAX_USERNAME_LENGTH} characters, without colons and control characters`,
    )
  }
}
