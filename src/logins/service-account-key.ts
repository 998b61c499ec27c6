import { isObject } from '../oci/descriptor.ts'

/** The parts of a Google service account's key that a login needs. */
export interface ServiceAccountKey {
  /** The account's address. */
  readonly email: string
  /** Which of the account's keys it is. */
  readonly keyId: string
  /** PEM. */
  readonly privateKey: string
}

// a key made long ago names one of the others; they are the same server
const GOOGLES_OWN = new Set([
  'https://oauth2.googleapis.com/token',
  'https://www.googleapis.com/oauth2/v4/token',
  'https://accounts.google.com/o/oauth2/token',
])

/**
 * Reads the JSON file that Google Cloud makes once for each key. Gives a sentence that says what is wrong with what is
 * none, and nothing of it. A key names the server that it is to be shown to: any but Google's own is refused.
 * Source: google.iam.admin.v1, ServiceAccountKey; RFC 7523.
 */
export function parseServiceAccountKey(text: string): ServiceAccountKey | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'it must be the JSON file that Google Cloud made for the key, whole'
  }
  if (!isObject(json) || json.type !== 'service_account') {
    return 'it must be the key of a service account, which says "type": "service_account"'
  }
  const { client_email: email, private_key_id: keyId = '', private_key: privateKey } = json
  const { token_uri: server, universe_domain: universe } = json
  if (typeof email !== 'string' || !/^[\w.+-]{1,128}@[\w.-]{1,128}$/.test(email)) {
    return 'its client_email must be the address of a service account'
  }
  if (typeof privateKey !== 'string' || !/^-----BEGIN (?:RSA )?PRIVATE KEY-----\n/.test(privateKey)) {
    return 'its private_key must be a PEM private key, with its line ends'
  }
  if (typeof keyId !== 'string' || !/^[\w-]{0,128}$/.test(keyId)) return 'its private_key_id must be a word'
  if (server !== undefined && !(typeof server === 'string' && GOOGLES_OWN.has(server))) {
    return 'its token_uri must be Google’s own, https://oauth2.googleapis.com/token'
  }
  if (universe !== undefined && universe !== 'googleapis.com') {
    return 'its universe_domain must be googleapis.com'
  }
  return { email, keyId, privateKey }
}
