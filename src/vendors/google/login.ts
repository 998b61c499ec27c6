import { createPrivateKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { CloudSecret } from '../../logins/registry-login.ts'
import { parseServiceAccountKey } from '../../logins/service-account-key.ts'
import {
  type CloudExchangeTarget,
  type CloudLogin,
  CloudLoginError,
  tokenOf,
} from '../../remote/login/cloud-token-endpoint.ts'

// the token_uri of a key is not used: a user could set it to any URL
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
// read only; Container Registry stores images in Cloud Storage
const SCOPES =
  'https://www.googleapis.com/auth/cloud-platform.read-only https://www.googleapis.com/auth/devstorage.read_only'
/** Milliseconds after which a token is not used, even if Google reports a longer lifetime. */
const LIFETIME = 3_600_000

/**
 * Exchanges a service account's key for an access token, the password of the user oauth2accesstoken. Throws
 * CloudLoginError, or the signal's reason once it is aborted. Source: RFC 7523; Google, OAuth 2.0 for server to server
 * applications.
 */
export async function loginToGoogle(
  secret: CloudSecret & { kind: 'google' },
  { endpoint }: CloudExchangeTarget,
): Promise<CloudLogin> {
  const key = parseServiceAccountKey(secret.serviceAccountKey)
  if (typeof key === 'string') throw unusable(key)
  const issued = Math.floor(endpoint.now / 1000)
  const assertion = await new SignJWT({ scope: SCOPES })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(key.keyId !== '' && { kid: key.keyId }) })
    .setIssuer(key.email)
    .setAudience(TOKEN_URL)
    .setIssuedAt(issued)
    .setExpirationTime(issued + LIFETIME / 1000)
    .sign(privateKeyOf(key.privateKey))
  const step = {
    refusal: 'Google refused the key of the service account',
    url: endpoint.urlOf(TOKEN_URL),
    form: { grant_type: GRANT, assertion },
    secrets: [assertion, assertion.slice(assertion.lastIndexOf('.') + 1)],
  }
  const { access_token, expires_in } = await endpoint.postForm(step)
  const password = tokenOf(access_token)
  if (password === undefined) throw endpoint.missingToken(step)
  const lifetime = typeof expires_in === 'number' ? Math.min(expires_in * 1000, LIFETIME) : LIFETIME
  return {
    secret: { kind: 'password', username: 'oauth2accesstoken', password },
    expires: endpoint.now + lifetime,
  }
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'rsa') return key
  } catch {
    // the cause is dropped: it may quote the key
  }
  throw unusable('its private_key is not an RSA key')
}

const unusable = (why: string) =>
  new CloudLoginError(`the key of the service account cannot be used: ${why}`, { reason: 'Unauthorized' })
