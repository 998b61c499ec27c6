import { isObject, parseJson } from '../oci/json.ts'

/** The parts of a Google service account's key that are used for a login. */
export interface ServiceAccountKey {
  /** The account's email address. */
  readonly email: string
  /** Identifies the key among those of the account. */
  readonly keyId: string
  /** PEM. */
  readonly privateKey: string
}

// old keys contain one of the other URLs, which are the same server
const GOOGLE_TOKEN_URLS = new Set([
  'https://oauth2.googleapis.com/token',
  'https://www.googleapis.com/oauth2/v4/token',
  'https://accounts.google.com/o/oauth2/token',
])

/**
 * Parses the JSON file of a key. Returns the error, which contains nothing of the text, when it is not valid. A key names
 * the server that it is sent to: only Google's own are accepted.
 * Source: google.iam.admin.v1, ServiceAccountKey; RFC 7523.
 */
export function parseServiceAccountKey(text: string): ServiceAccountKey | string {
  const json = parseJson(text)
  if (json === undefined) return 'it must be the complete JSON file that Google Cloud created for the key'
  if (!isObject(json) || json.type !== 'service_account') {
    return 'it must be the key of a service account, with "type": "service_account"'
  }
  const { client_email: email, private_key_id: keyId = '', private_key: privateKey } = json
  const { token_uri: server, universe_domain: universe } = json
  if (typeof email !== 'string' || !/^[\w.+-]{1,128}@[\w.-]{1,128}$/.test(email)) {
    return 'its client_email must be the address of a service account'
  }
  if (typeof privateKey !== 'string' || !/^-----BEGIN (?:RSA )?PRIVATE KEY-----\n/.test(privateKey)) {
    return 'its private_key must be a PEM private key, including line breaks'
  }
  if (typeof keyId !== 'string' || !/^[\w-]{0,128}$/.test(keyId))
    return 'its private_key_id must consist of letters, digits, _ and -'
  if (server !== undefined && !(typeof server === 'string' && GOOGLE_TOKEN_URLS.has(server))) {
    return 'its token_uri must be https://oauth2.googleapis.com/token'
  }
  if (universe !== undefined && universe !== 'googleapis.com') {
    return 'its universe_domain must be googleapis.com'
  }
  return { email, keyId, privateKey }
}
