import { createHmac, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'

// Source: Standard Webhooks 1.0. The signed text is `id.timestamp.body`.

/** A key that signs: a secret that the receiver has too, or the private half of a pair. */
export type SignatureKey =
  | { readonly kind: 'SECRET'; readonly secret: Uint8Array }
  | { readonly kind: 'PAIR'; readonly privateKey: KeyObject }

const SECRET_PREFIX = 'whsec_'
/** Bytes of a secret. Source: Standard Webhooks 1.0. */
const SECRET_BYTES = { least: 24, most: 64, made: 32 }

/** Returns the text of a new secret. */
export const newSecret = (): string => SECRET_PREFIX + randomBytes(SECRET_BYTES.made).toString('base64')

/** Reports whether the text, with or without prefix, is a secret of 24 to 64 bytes. */
export function isSecret(text: string): boolean {
  const bytes = Buffer.from(secretBytes(text))
  const isWhole = bytes.toString('base64') === withoutPrefix(text)
  return isWhole && bytes.length >= SECRET_BYTES.least && bytes.length <= SECRET_BYTES.most
}

/** Returns the bytes of a secret's text. */
export const secretBytes = (text: string): Uint8Array => Buffer.from(withoutPrefix(text), 'base64')

const withoutPrefix = (text: string): string =>
  text.startsWith(SECRET_PREFIX) ? text.slice(SECRET_PREFIX.length) : text

/** Returns the private key of 32 bytes. */
export const privateKeyOf = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([ED25519_PRIVATE, seed]), format: 'der', type: 'pkcs8' })

/** What precedes the 32 bytes of a key in its DER encoding. Source: RFC 8410, section 7. */
const ED25519_PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex')
const KEY_BYTES = 32

/** Returns `whpk_…`: receivers verify with it, and hold no secret. */
export function publicKeyText(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return `whpk_${der.subarray(-KEY_BYTES).toString('base64')}`
}

/** Returns the headers of a signed request; each key adds a signature, so that keys can be replaced one after the other. */
export function signatureHeaders(
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
  keys: readonly SignatureKey[],
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000))
  const signed = Buffer.from(`${id}.${timestamp}.${body}`)
  const signatures = keys.map((key) =>
    key.kind === 'SECRET'
      ? `v1,${createHmac('sha256', key.secret).update(signed).digest('base64')}`
      : `v1a,${sign(null, signed, key.privateKey).toString('base64')}`,
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  }
}
