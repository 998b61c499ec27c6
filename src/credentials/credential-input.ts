import { InvalidInputError } from '../input/errors.ts'
import {
  isCloudSecret,
  isRegistryPrefix,
  type RegistryPrefix,
  type RegistrySecret,
  type Secret,
  splitPrefix,
} from '../logins/registry-login.ts'
import { isNamespace, NAMESPACE_GRAMMAR } from '../oci/stream-name.ts'
import { type CloudSecretInput, checkCloudOf, checkCloudSecret, cloudSecretOf } from './cloud-secret-input.ts'

/** A secret as it is given, in exactly one of all ways; null and undefined mean that nothing is said. */
export interface SecretInput extends CloudSecretInput {
  readonly username?: string | null | undefined
  readonly password?: string | null | undefined
  readonly identityToken?: string | null | undefined
  readonly bearerToken?: string | null | undefined
}

/** Characters of a password or token: a service account's key in JSON is a tenth of it. */
export const MAX_SECRET_LENGTH = 16 * 1024
const MAX_USERNAME_LENGTH = 256
const SECRETS = ['password', 'identityToken', 'bearerToken', 'aws', 'google', 'azure'] as const

// no message says what was given: it may be a password in the wrong place

/** Throws InvalidInputError. */
export function checkNamespace(namespace: string): void {
  if (!isNamespace(namespace)) {
    throw new InvalidInputError('namespace', `that is not a namespace: ${NAMESPACE_GRAMMAR}`)
  }
}

/** Reads `quay.io`, `quay.io/team` or `https://index.docker.io/v1/`. Throws InvalidInputError. */
export function parsePrefix(text: string): RegistryPrefix {
  const prefix = splitPrefix(text)
  if (isRegistryPrefix(prefix)) return prefix
  throw new InvalidInputError(
    'prefix',
    'prefix must be a registry, or a registry and a path: quay.io, localhost:5000, quay.io/team or docker.io/team',
  )
}

/** Throws InvalidInputError. */
export function parseSecret(input: SecretInput): Secret {
  const given = SECRETS.filter((field) => input[field] != null)
  const [field] = given
  if (field === undefined || given.length > 1) {
    throw new InvalidInputError(given[1] ?? 'password', `give one of ${SECRETS.join(', ')}`)
  }
  const username = input.username ?? ''
  if (username !== '' && field !== 'password' && field !== 'identityToken') {
    throw new InvalidInputError('username', `${field} says who signs in: there is no username with it`)
  }
  return checkSecret(cloudSecretOf(input) ?? registrySecretOf(input, username))
}

function registrySecretOf(
  { password, identityToken, bearerToken }: SecretInput,
  username: string,
): RegistrySecret {
  if (password != null) return { kind: 'password', username, password }
  return identityToken != null
    ? { kind: 'identity', username, token: identityToken }
    : { kind: 'registry', token: bearerToken ?? '' }
}

/** The secret, if it is one that can be sent, and to what lies below the prefix. Throws InvalidInputError. */
export function checkSecret(secret: Secret, prefix?: RegistryPrefix): Secret {
  if (!isCloudSecret(secret)) return checkRegistrySecret(secret)
  checkCloudSecret(secret)
  if (prefix) checkCloudOf(secret, prefix)
  return secret
}

function checkRegistrySecret(secret: RegistrySecret): RegistrySecret {
  if (secret.kind !== 'registry') checkUsername(secret.username, secret.kind === 'password')
  const [field, value] =
    secret.kind === 'password'
      ? (['password', secret.password] as const)
      : ([secret.kind === 'identity' ? 'identityToken' : 'bearerToken', secret.token] as const)
  if (value === '' || value.length > MAX_SECRET_LENGTH) {
    throw new InvalidInputError(field, `${field} must have 1 to ${MAX_SECRET_LENGTH} characters`)
  }
  // a token is part of a header: what else stood there could add one of its own
  if (secret.kind !== 'password' && !/^[\x21-\x7e]+$/.test(value)) {
    throw new InvalidInputError(field, `${field} must be of letters, digits and signs, without spaces`)
  }
  return secret
}

function checkUsername(username: string, isNeeded: boolean): void {
  if (isNeeded && username === '') {
    throw new InvalidInputError('username', 'a password needs a username')
  }
  // RFC 7617 §2: a colon ends the name
  if (username.length > MAX_USERNAME_LENGTH || /[:\p{Cc}]/u.test(username)) {
    throw new InvalidInputError(
      'username',
      `username must have at most ${MAX_USERNAME_LENGTH} characters, without colons and control characters`,
    )
  }
}
