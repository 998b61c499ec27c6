import { isObject } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { COSIGN_PREDICATE } from '../referrer/kind.ts'
import { type Flaw, flaw } from './verdict.ts'

// What is signed is a claim about an image: whose signature it is says nothing before the claim is about this one.

/** JSON of a claim; undefined for what is none. */
export function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const SIMPLE_TYPES: readonly unknown[] = ['cosign container image signature', 'atomic container signature']

/**
 * What is wrong with a simple-signing payload as a claim about the image; undefined when nothing is. As cosign does, the
 * name in `docker-reference` is not compared: an image keeps its signatures where it is copied with its digest.
 * Source: containers/image, atomic-signature.md; cosign, SIGNATURE_SPEC.md.
 */
export function flawOfSimpleSigning(payload: Uint8Array, image: Digest): Flaw | undefined {
  const critical = objectIn(parseJson(payload), 'critical')
  if (!critical || !SIMPLE_TYPES.includes(critical.type)) {
    return flaw('Malformed', 'what is signed is no simple-signing payload')
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

/** What is wrong with an in-toto statement as a signature of the image; undefined when nothing is. */
export function flawOfStatement(payload: Uint8Array, image: Digest): Flaw | undefined {
  const statement = parseJson(payload)
  if (!statement || !STATEMENT_TYPES.includes(statement._type) || !Array.isArray(statement.subject)) {
    return flaw('Malformed', 'what is signed is no in-toto statement')
  }
  if (statement.predicateType !== COSIGN_PREDICATE) {
    return flaw('Unsupported', 'what is signed is an attestation, and no signature of the image')
  }
  const [algorithm = '', hex] = image.split(':')
  const named = statement.subject.map((subject: unknown) => {
    const digests = objectIn(isObject(subject) ? subject : undefined, 'digest')
    return digests && Object.hasOwn(digests, algorithm) ? digests[algorithm] : undefined
  })
  return named.includes(hex) ? undefined : ofAnotherImage(`${algorithm}:${String(named[0])}`)
}

/** For a signature that is good, of something else. */
export const ofAnotherImage = (digest: string): Flaw =>
  flaw('WrongDigest', `it is a signature of ${digest.slice(0, 140)}, which is another image`)

/** The object of this name; undefined where there is none, or something else. */
export const objectIn = (
  value: Readonly<Record<string, unknown>> | undefined,
  key: string,
): Readonly<Record<string, unknown>> | undefined => {
  const inner = value && Object.hasOwn(value, key) ? value[key] : undefined
  return isObject(inner) ? inner : undefined
}

/** Bytes of base64 text; undefined for what is not, or for none. */
export function base64In(
  value: Readonly<Record<string, unknown>> | undefined,
  key: string,
): Buffer | undefined {
  const text = value?.[key]
  return typeof text === 'string' ? fromBase64(text) : undefined
}

/** Undefined for what is not base64, or for none. */
export const fromBase64 = (text: string): Buffer | undefined =>
  text !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
