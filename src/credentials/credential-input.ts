import { InvalidInputError, invalid } from '../input/errors.ts'
import {
  isCloudSecret,
  isRegistryPrefix,
  type RegistryPrefix,
  type RegistrySecret,
  type Secret,
  splitPrefix,
} from '../logins/registry-login.ts'
import { controlCharacterIn, hasControlCharacter } from '../oci/control-characters.ts'
import { isNamespace, NAMESPACE_GRAMMAR } from '../oci/stream-name.ts'
import { type CloudSecretInput, checkCloudOf, checkCloudSecret, cloudSecretOf } from './cloud-secret-input.ts'

/** Input of a secret, which has exactly one of the fields besides `username`. Null and undefined mean that a field is not given. */
export interface SecretInput extends CloudSecretInput {
  readonly username?: string | null | undefined
  readonly password?: string | null | undefined
  readonly identityToken?: string | null | undefined
  readonly bearerToken?: string | null | undefined
}

/** Characters of a password or token: a service account's key in JSON has a tenth of them. */
export const MAX_SECRET_LENGTH = 16 * 1024
const MAX_USERNAME_LENGTH = 256
const SECRETS = ['password', 'identityToken', 'bearerToken', 'aws', 'google', 'azure'] as const

// messages never repeat the input: it may be a password in the wrong field

/** Throws InvalidInputError unless it is a namespace. */
export function checkCredentialNamespace(namespace: string): void {
  if (!isNamespace(namespace)) {
    throw invalid('namespace', `is invalid: ${NAMESPACE_GRAMMAR}`)
  }
}

/** Parses `quay.io`, `quay.io/team` or `https://index.docker.io/v1/`. Throws InvalidInputError. */
export function parsePrefix(text: string): RegistryPrefix {
  const prefix = splitPrefix(text)
  if (isRegistryPrefix(prefix)) return prefix
  throw invalid(
    'prefix',
    'must be a registry, or a registry and a path: quay.io, localhost:5000, quay.io/team or docker.io/team',
  )
}

/** Returns the secret in the input. Throws InvalidInputError. */
export function parseSecret(input: SecretInput): Secret {
  const given = SECRETS.filter((field) => input[field] != null)
  const [field] = given
  if (field === undefined || given.length > 1) {
    throw new InvalidInputError(given[1] ?? 'password', `give one of ${SECRETS.join(', ')}`)
  }
  const username = input.username ?? ''
  if (username !== '' && field !== 'password' && field !== 'identityToken') {
    throw new InvalidInputError('username', `${field} identifies the account by itself: leave out username`)
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

/** Returns the secret. Throws InvalidInputError unless it can be sent and, with a prefix, fits that registry. */
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
    throw invalid(field, `must have 1 to ${MAX_SECRET_LENGTH} characters`)
  }
  // a service account's key is a password with line breaks
  const control = controlCharacterIn(value)
  if (control) throw invalid(field, control.problem)
  // a token becomes part of a header: line breaks in it could add headers
  if (secret.kind !== 'password' && !/^[\x21-\x7e]+$/.test(value)) {
    throw invalid(field, 'must have printable ASCII characters without spaces only')
  }
  return secret
}

function checkUsername(username: string, isNeeded: boolean): void {
  if (isNeeded && username === '') {
    throw new InvalidInputError('username', 'a password needs a username')
  }
  // RFC 7617 §2: a colon ends the name
  if (username.length > MAX_USERNAME_LENGTH || username.includes(':') || hasControlCharacter(username)) {
    throw invalid(
      'username',
      `must have at most ${MAX_USERNAME_LENGTH} characters, without colons and control characters`,
    )
  }
}
