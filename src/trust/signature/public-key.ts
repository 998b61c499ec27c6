import { constants, createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { invalid } from '../../input/errors.ts'

/** A public key that signatures are verified with. */
export interface SigningKey {
  /** SPKI in PEM. */
  readonly pem: string
  /** `sha256:` of its SPKI bytes in DER. */
  readonly fingerprint: string
  readonly key: KeyObject
}

/** Characters: an RSA key of 16,384 bits has 2,800. */
const MAX_PEM_LENGTH = 4096
const PUBLIC_KEY = /^-----BEGIN PUBLIC KEY-----[\sA-Za-z0-9+/=]+-----END PUBLIC KEY-----$/
const MIN_RSA_BITS = 2048
/** Hashes that keys of a curve sign with. The first is what older versions of cosign use for every curve. */
const EC_HASHES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['sha256'],
  secp384r1: ['sha256', 'sha384'],
  secp521r1: ['sha256', 'sha512'],
}

/** Parses a public key. Throws InvalidInputError, which does not repeat the input: it may be a private key. */
export function parsePublicKey(text: string, field: string): SigningKey {
  const refuse = (why: string, cause?: unknown): never => {
    throw invalid(field, `${why}`, { cause })
  }
  const trimmed = text.trim()
  if (trimmed.length > MAX_PEM_LENGTH || !PUBLIC_KEY.test(trimmed)) {
    return refuse('must be one public key in PEM, as in cosign.pub: -----BEGIN PUBLIC KEY-----')
  }
  let key: KeyObject
  try {
    key = createPublicKey({ key: trimmed, format: 'pem' })
  } catch (error) {
    return refuse('is PEM but cannot be read as a public key', error)
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const isGood =
    key.asymmetricKeyType === 'ed25519' ||
    (key.asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS) ||
    (key.asymmetricKeyType === 'ec' && Object.hasOwn(EC_HASHES, namedCurve))
  if (!isGood) return refuse('must be ECDSA P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits')
  return {
    pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: `sha256:${hash('sha256', key.export({ type: 'spki', format: 'der' }), 'hex')}`,
    key,
  }
}

/** Reports whether the key signed exactly these bytes. False for a signature that cannot be read. */
export function isSignedBy(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  return hashesOf(key).some((name) => verifies(name, bytes, key, signature))
}

/** Returns the hashes that a signature by the key may have; null for the hash that the algorithm fixes. */
function hashesOf(key: KeyObject): readonly (string | null)[] {
  if (key.asymmetricKeyType === 'ed25519') return [null]
  if (key.asymmetricKeyType === 'rsa') return ['sha256']
  return EC_HASHES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? []
}

function verifies(
  algorithm: string | null,
  bytes: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): boolean {
  const padding = key.asymmetricKeyType === 'rsa' ? { padding: constants.RSA_PKCS1_PADDING } : {}
  try {
    return verify(algorithm, bytes, { key, ...padding }, signature)
  } catch {
    return false
  }
}
