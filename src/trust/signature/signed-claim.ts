import type { Digest } from '../../oci/digest.ts'
import { isObject, type Json, parseJson } from '../../oci/json.ts'
import { COSIGN_PREDICATE } from '../referrer/referrer.ts'
import { type Flaw, flaw } from './verdict.ts'

// A signature signs a claim about an image. It is accepted only when the claim is about this image.

/** Parses a JSON object; undefined for other bytes. */
export function parseJsonObject(bytes: Uint8Array): Json | undefined {
  try {
    const value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const SIMPLE_TYPES: readonly unknown[] = ['cosign container image signature', 'atomic container signature']

/**
 * Returns why a simple-signing payload is not a claim about the image; undefined when it is one. Like cosign, does not
 * compare the name in `docker-reference`: an image keeps its signatures when it is copied.
 * Source: containers/image, atomic-signature.md; cosign, SIGNATURE_SPEC.md.
 */
export function flawOfSimpleSigning(payload: Uint8Array, image: Digest): Flaw | undefined {
  const critical = objectIn(parseJsonObject(payload), 'critical')
  if (!critical || !SIMPLE_TYPES.includes(critical.type)) {
    return flaw('Malformed', 'the signed payload is not a simple-signing payload')
  }
  const digest = objectIn(critical, 'image')?.['docker-manifest-digest']
  if (typeof digest !== 'string') return flaw('Malformed', 'the signed payload names no image')
  return digest === image ? undefined : ofAnotherImage(digest)
}

/** Source: in-toto, Statement v1; cosign's predicate for signatures. */
const STATEMENT_TYPES: readonly unknown[] = [
  'https://in-toto.io/Statement/v1',
  'https://in-toto.io/Statement/v0.1',
]

/** Returns why an in-toto statement is not a signature of the image; undefined when it is one. */
export function flawOfStatement(payload: Uint8Array, image: Digest): Flaw | undefined {
  const statement = parseJsonObject(payload)
  if (!statement || !STATEMENT_TYPES.includes(statement._type) || !Array.isArray(statement.subject)) {
    return flaw('Malformed', 'the signed payload is not an in-toto statement')
  }
  if (statement.predicateType !== COSIGN_PREDICATE) {
    return flaw('Unsupported', 'it signs an attestation, not the image')
  }
  const [algorithm = '', hex] = image.split(':')
  const named = statement.subject.map((subject: unknown) => {
    const digests = objectIn(isObject(subject) ? subject : undefined, 'digest')
    return digests && Object.hasOwn(digests, algorithm) ? digests[algorithm] : undefined
  })
  return named.includes(hex) ? undefined : ofAnotherImage(`${algorithm}:${String(named[0])}`)
}

/** Returns the flaw of a valid signature of another image. */
export const ofAnotherImage = (digest: string): Flaw =>
  flaw('WrongDigest', `it signs another image: ${digest.slice(0, 140)}`)

/** Returns the object under a key; undefined when the value is missing or not an object. */
export const objectIn = (value: Json | undefined, key: string): Json | undefined => {
  const inner = value && Object.hasOwn(value, key) ? value[key] : undefined
  return isObject(inner) ? inner : undefined
}

/** Decodes the base64 text under a key; undefined when the value is missing, empty or not base64. */
export function base64In(value: Json | undefined, key: string): Buffer | undefined {
  const text = value?.[key]
  return typeof text === 'string' ? fromBase64(text) : undefined
}

/** Decodes base64; undefined for an empty text and for other text. */
export const fromBase64 = (text: string): Buffer | undefined =>
  text !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
